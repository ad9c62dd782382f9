"""Units on a Ray cluster: each a task, whose checkpoints come back at once.

Ray computes, and keeps nothing: the run store of this process is written here. A task whose node is
lost is not retried by Ray, which would replay its first arguments, but submitted again with the
levels that have come back. So no file system is shared.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
import ray.exceptions
from filelock import FileLock, Timeout

import lottery
from lottery.errors import LotteryError, one_line
from lottery.pipeline import provenance, run_store
from lottery.pipeline.executors import node
from lottery.pipeline.executors.node import Began, File
from lottery.pipeline.executors.ray_inputs import Inputs
from lottery.pipeline.executors.ray_nodes import Nodes
from lottery.pipeline.processes import Report, Result
from lottery.pipeline.reporter import Note, Saved
from lottery.pipeline.units import Unit
from lottery.storage import files, paths

if TYPE_CHECKING:
    from lottery.config.schema import Params

FORWARDED = (
    "ATEN_CPU_CAPABILITY",
    "LOTTERY_CHECKPOINT_SECONDS",
    "LOTTERY_LOCKSTEP",
    "MKL_ENABLE_INSTRUCTIONS",
    "NUMBA_CPU_FEATURES",
    "NUMBA_CPU_NAME",
    "NUMBA_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA",
)
"""Variables that decide how a node computes."""
NO_NODE = "no node yet"
ATTEMPTS = 3
"""How often a unit is lost without a new level before it has failed."""


@dataclass
class _Task:
    """A unit that is on the cluster, or waits to be."""

    unit: Unit
    locks: list[FileLock]
    generator: Any = None
    nodes: list[str] = field(default_factory=list)
    """The ids of those that may train it."""
    node: str = NO_NODE
    attempts: int = 0
    lost: list[str] = field(default_factory=list)


class RayExecutor:
    """An :class:`lottery.pipeline.executors.Executor` on the cluster at ``RAY_ADDRESS``, or else on
    a Ray that it starts here. ``tree`` has the inputs of the units, ``train`` is what a node
    does with one (:func:`lottery.pipeline.executors.node.train`), and ``say`` is told of nodes that
    cannot be used."""

    trained_by = "make precompute ON=ray"

    def __init__(
        self,
        tree: Path,
        settings: Params,
        say: Callable[[str], object] = print,
        train: Callable[..., Iterator[Any]] = node.train,
    ) -> None:
        self._tree, self._settings = tree, settings
        self._train = ray.remote(max_calls=0, max_retries=0, num_returns="streaming")(train)
        self._tasks: dict[str, _Task] = {}
        self._inputs = Inputs(tree)
        self._store = paths.checkpoints().resolve()
        self._nodes = Nodes(settings, say)

    def __enter__(self) -> RayExecutor:
        code = self._tree / "code"
        node.pack_code(Path(lottery.__file__).resolve().parents[1], code)
        variables = {name: os.environ[name] for name in FORWARDED if name in os.environ}
        ray.init(
            address=os.environ.get("RAY_ADDRESS", "local"),
            runtime_env={"working_dir": str(code), "env_vars": {"PYTHONPATH": "src", **variables}},
            log_to_driver=False,
            logging_level="warning",
        )
        self._nodes.choose()
        return self

    def __exit__(self, *error: object) -> None:
        for task in self._tasks.values():
            _release(task)
        ray.shutdown()

    def claim(self, cells: Sequence[str]) -> None:
        """Record that ``cells`` are trained on the kind of node that is used, unless that is the
        kind of this machine. Raises LotteryError for one that was trained on another kind."""
        here = provenance.of_this_machine(self._settings.device, self._settings.threads)
        for cell in cells:
            before = provenance.recorded(cell)
            if before not in (None, self._nodes.provenance):
                raise LotteryError(
                    f"{cell} was trained on {before}, and no such node has joined the cluster; "
                    "where only 'lockstep' differs, LOTTERY_LOCKSTEP (0 or 1) or the code does"
                )
            if before is None and self._nodes.provenance != here:
                provenance.record(cell, self._nodes.provenance)

    @property
    def in_groups(self) -> bool:
        """Whether the nodes train groups of networks in lockstep."""
        return "lockstep" in self._nodes.provenance

    @property
    def slots(self) -> int:
        """How many units the nodes have room for."""
        return self._nodes.slots()

    @property
    def free(self) -> int:
        """How many more units can be started now."""
        return self.slots - len(self._tasks)

    def start(self, unit: Unit) -> bool:
        """Submit ``unit``; False if another process works on one of its runs."""
        locks: list[FileLock] = []
        for entry in unit.entries:
            entry.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(entry.folder / run_store.LOCK)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                for held in locks:
                    held.release()
                return False
            locks.append(lock)
            entry.describe()
        self._tasks[unit.name] = _Task(unit, locks)
        return True

    def reports(self) -> Iterator[tuple[str, Report]]:
        """What has come from the units within a second, with their names."""
        self._nodes.refresh()
        usable = self._nodes.ids()
        for task in self._tasks.values():
            if task.generator and task.node == NO_NODE and not set(task.nodes) & set(usable):
                ray.cancel(task.generator, force=True)  # it would wait for ever
                task.generator = None
            if task.generator is None and usable:
                self._submit(task, usable)
        running = {task.generator: name for name, task in self._tasks.items() if task.generator}
        if not running:
            time.sleep(1)
            return
        ready, _ = ray.wait(list(running), num_returns=1, timeout=1)
        for generator in ready:
            name = running[generator]
            for report in self._next(self._tasks[name]):
                if isinstance(report, Result | BaseException):
                    _release(self._tasks.pop(name))
                yield name, report

    def _submit(self, task: _Task, nodes: list[str]) -> None:
        """Hand a unit to Ray, for one of ``nodes``, with the levels that are done."""
        inputs = self._inputs.of(task.unit)
        references = [self._inputs.reference(path) for path in inputs]
        stored = {
            str(path.relative_to(self._store)): path.read_bytes()
            for entry in task.unit.entries
            for path in entry.saved()
        }
        options = {"name": task.unit.name, **self._nodes.options(nodes)}
        task.nodes = nodes
        task.generator = self._train.options(**options).remote(
            task.unit, inputs, references, stored
        )

    def _next(self, task: _Task) -> Iterator[Report]:
        """The next report of a task, as the driver wants it."""
        try:
            report = ray.get(next(task.generator))
            if isinstance(report, Began):
                task.node = report.node
            elif isinstance(report, File):
                yield self._write(task, report)
            else:
                yield report
        except StopIteration:
            yield Result(None)
        except ray.exceptions.RayTaskError as error:
            cause = (
                error.cause
                if isinstance(error.cause, LotteryError)
                else error.as_instanceof_cause()
            )
            yield LotteryError(f"on {task.node}: {one_line(str(cause)) or type(cause).__name__}")
        except ray.exceptions.RayError as error:
            yield from self._lost(task, error)
        except (LotteryError, OSError) as error:  # it could not be written here
            ray.cancel(task.generator, force=True)
            yield error

    def _write(self, task: _Task, file: File) -> Saved:
        """Put a file that has come back into the run store."""
        path = self._store / file.path
        if path.parent not in [entry.folder.resolve() for entry in task.unit.entries]:
            raise LotteryError(
                f"on {task.node}: {file.path} is not what was asked for; its processor, versions "
                "or code differ"
            )
        files.write_bytes(path, file.content)
        task.attempts = 0
        return Saved(path)

    def _lost(self, task: _Task, error: Exception) -> Iterator[Report]:
        """Submit a unit again whose node or process is gone, unless that happens on and on."""
        task.attempts += 1
        reason = one_line(str(error).strip().split("\n")[0])[:200]
        if task.attempts >= ATTEMPTS:
            yield LotteryError(f"on {task.node}: lost {ATTEMPTS} times; the last time: {reason}")
            return
        yield Note(f"{task.unit.name}: {task.node} is gone ({reason}); starting it again")
        task.generator, task.node = None, NO_NODE


def _release(task: _Task) -> None:
    for lock in task.locks:
        with contextlib.suppress(OSError):
            lock.release()
