"""Pruned before training by connection sensitivity (Lee, Ajanthan and Torr 2019, section 4.1).

Weights are ranked over all tensors together by ``|gradient * weight|``, at the initial weights and
on one batch. As many remain as in the ticket. Biases start at zero, so they have no sensitivity;
their mask is the ticket's.
"""

from lottery.pruning import masks
from lottery.pruning.control import NotForThisModelError, Ticket
from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Start


def make(ticket: Ticket) -> tuple[PrunedAt, Start]:
    """The largest connection sensitivities, from the initial weights."""
    if not ticket.weights:
        raise NotForThisModelError("snip prunes no biases, but prune.parameters has only them")
    init = ticket.dense.init
    gradients = ticket.gradients(init)
    scores = {name: gradients[name] * init[name] for name in ticket.weights}
    groups = [sorted(ticket.weights)]
    pruned_at = masks.largest(scores, ticket.pruned_at, ticket.level, groups)
    return pruned_at, Start(init, 0)
