"""The source's ticket: its mask, from the weights that the source's dense run started from.

Does a ticket that was found on one corpus train as well on another? (For images: Morcos, Yu,
Paganini and Tian 2019.)
"""

from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Start
from lottery.pruning.transfer import TransferredTicket


def make(ticket: TransferredTicket) -> tuple[PrunedAt, Start]:
    """The source's mask, from its initial weights."""
    return ticket.pruned_at, Start(ticket.source.init, 0)
