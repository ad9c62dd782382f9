"""The ticket's counts per tensor in places drawn at random, rewound to the initial weights.

Frankle, Dziugaite, Roy and Carbin 2021, section 4: does it matter which weights of a tensor stay?
"""

from lottery.pruning import masks
from lottery.pruning.control import Control
from lottery.pruning.strategy import Start

CONTROL = Control(
    lambda ticket: (
        masks.shuffled(ticket.removed_at, ticket.level, ticket.generator("shuffle")),
        Start(ticket.dense.init, 0),
    )
)
