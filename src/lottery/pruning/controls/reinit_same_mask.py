"""The ticket's mask with a fresh draw (Frankle and Carbin 2019, section 2)."""

from lottery.pruning.control import Control
from lottery.pruning.strategy import Start

CONTROL = Control(
    lambda ticket: (ticket.removed_at, Start(ticket.dense.fresh(ticket.level), 0)),
)
