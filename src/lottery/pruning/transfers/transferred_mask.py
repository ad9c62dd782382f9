"""The source's mask, with weights that the target draws afresh.

Not its dense run's initial weights: the same seed draws the same ones for both corpora, where their
networks have the same shapes.
"""

from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Start
from lottery.pruning.transfer import TransferredTicket


def make(ticket: TransferredTicket) -> tuple[PrunedAt, Start]:
    """The source's mask, from a fresh draw of the target's initializer."""
    return ticket.pruned_at, Start(ticket.target.fresh(ticket.level), 0)
