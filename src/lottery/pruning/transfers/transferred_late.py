"""The source's mask, from the weights that its dense run had after its first epochs.

Those epochs read the source's documents. The epochs after them, which it trains as late rewinding
does, read the target's.
"""

from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Start
from lottery.pruning.transfer import TransferredTicket


def make(ticket: TransferredTicket) -> tuple[PrunedAt, Start]:
    """The source's mask, from its weights after ``rewind.epoch`` epochs."""
    return ticket.pruned_at, Start(ticket.source.rewind, ticket.source.rewind_epoch)
