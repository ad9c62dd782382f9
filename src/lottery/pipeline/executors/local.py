"""Units in processes side by side on this machine; each writes into the run store by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from lottery.pipeline import jobs, training_runs, units
from lottery.pipeline.processes import Call, Processes, Report
from lottery.pipeline.units import Unit

JOBS = tuple(f"{jobs.__name__}.{stage}" for stage in training_runs.STAGES)
"""What every unit imports."""


class LocalExecutor:
    """An :class:`lottery.pipeline.executors.Executor` of ``slots`` processes, which work in
    ``tree`` and have the variables of ``environment``."""

    def __init__(
        self,
        tree: Path,
        slots: int,
        trained_by: str = "make precompute",
        environment: Mapping[str, str] = MappingProxyType({}),
        in_groups: bool = False,
    ) -> None:
        self._tree, self.slots, self.trained_by = tree, slots, trained_by
        self.in_groups = in_groups
        self._environment = dict(environment)
        self._processes = Processes(slots, units.__name__, *JOBS)

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
        arguments = (self._tree, unit)
        call = Call(units.__name__, "train", arguments, self.trained_by, self._environment)
        self._processes.start(unit.name, call)
        return True

    def reports(self) -> Iterator[tuple[str, Report]]:
        """What the processes say."""
        return self._processes.reports()
