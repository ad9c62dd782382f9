"""Straight to the ticket's counts per tensor from the dense network, without the levels between.

Rewound to the initial weights (Frankle and Carbin 2019, section 1: one-shot pruning).
"""

from lottery.pruning import masks
from lottery.pruning.control import Control, Ticket
from lottery.pruning.masks import RemovedAt
from lottery.pruning.strategy import Start


def _make(ticket: Ticket) -> tuple[RemovedAt, Start]:
    final = ticket.dense.final
    groups = [[name] for name in sorted(ticket.prunable)]
    record = masks.largest(final, ticket.removed_at, ticket.level, groups)
    return record, Start(ticket.dense.init, 0)


CONTROL = Control(_make)
