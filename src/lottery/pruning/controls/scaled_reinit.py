"""The ticket's mask with fresh random weights of the scale of the ticket's initial weights.

Pruning by magnitude leaves initial weights that are larger than a fresh draw. This control differs
from the ticket in the values and not in their scale; ``reinit_same_mask`` differs in both.
"""

import torch

from lottery.pruning import masks
from lottery.pruning.control import Ticket
from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Start


def make(ticket: Ticket) -> tuple[PrunedAt, Start]:
    """The ticket's mask, from the fresh draw of ``reinit_same_mask``, scaled in each tensor.

    There the root mean square of the remaining weights is that of their initial values. Only drawn
    values are scaled: what starts from zero or from word vectors is in both the same.
    """
    init, fresh = ticket.dense.init, ticket.dense.fresh(ticket.level)
    remaining = masks.at_level(ticket.pruned_at, ticket.level)
    weights = {}
    for name, value in fresh.items():
        positions = remaining[name] & ticket.drawn[name]
        norms = [float(tensor[name][positions].double().norm()) for tensor in (init, fresh)]
        scale = norms[0] / norms[1] if norms[1] else 1.0
        weights[name] = torch.where(ticket.drawn[name], value * scale, value)
    return ticket.pruned_at, Start(weights, 0)
