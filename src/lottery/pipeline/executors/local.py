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

    def __init__(self, tree: Path, slots: int, trained_by: str = "make precompute") -> None:
        self._tree, self.slots, self.trained_by = tree, slots, trained_by
        self._processes = Processes(slots, units.__name__)

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *error: object) -> None:
        self._processes.__exit__(*error)

    @property
    def free(self) -> int:
        """How many more units can be started now."""
        return self._processes.free

    def start(self, unit: Unit) -> bool:
        """Train ``unit`` in a process, which waits there while another one works on it."""
        call = Call(units.__name__, units.train.__name__, (self._tree, unit), self.trained_by)
        self._processes.start(unit.name, call)
        return True

    def reports(self) -> Iterator[tuple[str, Report]]:
        """What the processes say."""
        return self._processes.reports()
