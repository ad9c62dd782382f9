"""The ticket's mask with fresh random weights (Frankle and Carbin 2019, section 2)."""

from lottery.pruning.control import Ticket
from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Start


def make(ticket: Ticket) -> tuple[PrunedAt, Start]:
    """The ticket's mask, from a fresh draw."""
    return ticket.pruned_at, Start(ticket.dense.fresh(ticket.level), 0)
