"""Executors: units of work in, checkpoints in the run store out. One module per kind of machinery.

Nothing that assembles the checkpoints knows which of them trained.
"""

from collections.abc import Iterator
from typing import Protocol

from lottery.pipeline.processes import Report
from lottery.pipeline.units import Unit


class Executor(Protocol):
    """Trains units, as many at a time as it has room for."""

    trained_by: str
    """For what is recorded beside the checkpoints."""

    @property
    def in_groups(self) -> bool:
        """Whether it trains the runs of a unit in lockstep."""

    @property
    def slots(self) -> int:
        """How many units it has room for."""

    @property
    def free(self) -> int:
        """How many more units can be started now."""

    def start(self, unit: Unit) -> bool:
        """Begin to train ``unit``. False if it cannot while another process works on it."""

    def reports(self) -> Iterator[tuple[str, Report]]:
        """What has come from the units that run, with their names; waits a while for the first of
        it. The last report of a unit is a Result, or the error that ended it."""
