"""The ticket's mask, with its initial values exchanged within each tensor.

Does it matter which of the remaining weights starts from which value, or is it enough that the
values are those? ("Reshuffle" in Zhou, Lan, Liu and Yosinski 2019.)
"""

import torch

from lottery.pruning import masks
from lottery.pruning.control import Ticket
from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Start


def make(ticket: Ticket) -> tuple[PrunedAt, Start]:
    """The ticket's mask, from its initial values in a random order within each tensor.

    Only drawn values move. Biases and the row of ``<unk>``, which start from zero, and word vectors
    stay: a fresh draw has the same there.
    """
    generator = ticket.generator("permute values")
    remaining = masks.at_level(ticket.pruned_at, ticket.level)
    weights = {}
    for name in sorted(ticket.dense.init):
        positions = remaining[name] & ticket.drawn[name]
        weights[name] = ticket.dense.init[name].clone()
        values = weights[name][positions]
        weights[name][positions] = values[torch.randperm(len(values), generator=generator)]
    return ticket.pruned_at, Start(weights, 0)
