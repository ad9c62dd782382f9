"""One-shot pruning: from the dense network to the ticket's sparsity of each tensor in one step.

Rewound to the initial weights (Frankle and Carbin 2019, section 1).
"""

from lottery.pruning import masks
from lottery.pruning.control import Ticket
from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Start


def make(ticket: Ticket) -> tuple[PrunedAt, Start]:
    """The largest dense weights of each tensor, from the initial weights."""
    groups = [[name] for name in sorted(ticket.prunable)]
    pruned_at = masks.largest(ticket.dense.final, ticket.pruned_at, ticket.level, groups)
    return pruned_at, Start(ticket.dense.init, 0)
