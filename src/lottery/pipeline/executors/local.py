"""Units in processes side by side on this machine; each writes into the run store by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lottery.pipeline import units
from lottery.pipeline.processes import Call, Processes, Report
from lottery.pipeline.units import Unit


class LocalExecutor:
    """An :class:`lottery.pipeline.executors.Executor` of ``slots`` processes, which work in
    ``tree``."""

    trained_by = "make precompute"

    def __init__(self, tree: Path, slots: int) -> None:
        self._tree, self.slots = tree, slots
        self._processes = Processes(slots, units.__name__)

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *error: object) -> None:
        self._processes.__exit__(*error)

    @property
    def free(self) -> int:
        """How many more units can be started now."""
        return self._processes.free

    def start(self, unit: Unit) -> None:
        """Train ``unit`` in a process."""
        call = Call(units.__name__, units.train.__name__, (self._tree, unit), self.trained_by)
        self._processes.start(unit.name, call)

    def reports(self) -> Iterator[tuple[str, Report]]:
        """What the processes say."""
        return self._processes.reports()
