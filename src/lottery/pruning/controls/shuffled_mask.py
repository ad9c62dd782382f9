"""As many weights in each tensor as the ticket has, at random positions, with initial values.

Does it matter which weights of a tensor remain? (Frankle, Dziugaite, Roy and Carbin 2021, section
4.)
"""

from lottery.pruning import masks
from lottery.pruning.control import Ticket
from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Start


def make(ticket: Ticket) -> tuple[PrunedAt, Start]:
    """A shuffled mask, from the initial weights."""
    pruned_at = masks.shuffled(ticket.pruned_at, ticket.level, ticket.generator("shuffle"))
    return pruned_at, Start(ticket.dense.init, 0)
