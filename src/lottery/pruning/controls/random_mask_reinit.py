"""The ticket's counts per tensor in places drawn at random, with a fresh draw."""

from lottery.pruning import masks
from lottery.pruning.control import Control
from lottery.pruning.strategy import Start

CONTROL = Control(
    lambda ticket: (
        masks.shuffled(ticket.removed_at, ticket.level, ticket.generator("shuffle")),
        Start(ticket.dense.fresh(ticket.level), 0),
    )
)
