"""Pruned before training by connection sensitivity (Lee, Ajanthan and Torr 2019, section 4.1).

Weights are ranked over all tensors together (but see ``prune.output``) by ``|gradient * weight|``,
at the initial weights. As many remain as in the ticket. Biases start at zero, so they have no
sensitivity; their mask is the ticket's.

The gradient is that of the mean loss over the whole training set. The paper takes one batch, which
is enough for images: here a batch reads few of the embedding's rows, and the others have no score.
Weights without a score (words that no document has, filters that never win) tie at zero; which of
them remain, if any, is drawn at random, and their share is reported.
"""

import torch

from lottery.pruning import masks
from lottery.pruning.control import NotForThisModelError, Ticket
from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Start


def make(ticket: Ticket) -> tuple[PrunedAt, Start]:
    """The largest connection sensitivities, from the initial weights."""
    if not ticket.rankings:
        raise NotForThisModelError("snip prunes no biases, but prune.parameters has only them")
    init = ticket.dense.init
    gradients = ticket.gradients(init)
    names = [name for group in ticket.rankings for name in group]
    scores = {name: gradients[name] * init[name] for name in names}
    generator = ticket.generator("ties")
    pruned_at = masks.largest(
        scores, ticket.pruned_at, ticket.level, ticket.rankings, generator=generator
    )
    level_masks = masks.at_level(pruned_at, ticket.level)
    remaining = torch.cat([scores[name][level_masks[name]] for name in names])
    unscored = int((remaining == 0).sum())
    ticket.note(
        f"level {ticket.level}: snip: {100 * unscored / max(1, len(remaining)):.1f} % of the "
        "weights that remain have no score and were drawn at random"
    )
    return pruned_at, Start(init, 0)
