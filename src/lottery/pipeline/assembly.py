"""What the run store has of a run, and its output for those that need it, in a tree of their own.

The fingerprint of a pruning run covers the bytes of its dense run's output. So that output is
written as the stage will write it, by the stage's own job, at the same path in a working tree that
has nothing else but the tokens. The stage finds the same fingerprint later, and trains nothing.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from lottery.experiment import failures
from lottery.pipeline import jobs
from lottery.pipeline.processes import Call, Processes, Result
from lottery.pipeline.reporter import Reporter
from lottery.storage import locks

if TYPE_CHECKING:
    from lottery.pipeline.run_store import Entry
    from lottery.pipeline.training_runs import TrainingRun

TREES = Path(".lottery/precompute")
TOKENS = Path("data/tokens")


@dataclass(frozen=True)
class Survey:
    """What the run store has of a run."""

    levels: tuple[int, ...]
    """Those that it is to have."""
    done: tuple[int, ...] = ()
    nothing_to_train: bool = False
    is_busy: bool = False
    """Whether another process works on it."""
    entry: Entry | None = None
    """None as long as the output of a run that it needs is missing: its fingerprint is not
    certain yet."""


@contextmanager
def tree() -> Iterator[Path]:
    """A new working tree with the tokens of this one, removed at the end.

    Those of processes that were killed are removed here, too.
    """
    root = TREES.resolve()
    root.mkdir(parents=True, exist_ok=True)
    for folder in (path for path in root.iterdir() if path.is_dir()):
        with contextlib.suppress(Timeout), FileLock(f"{folder}.lock").acquire(timeout=0):
            _remove(folder)
    folder = root / f"{os.getpid()}-{secrets.token_hex(4)}"
    with FileLock(f"{folder}.lock"):
        try:
            (folder / TOKENS.parent).mkdir(parents=True)
            (folder / TOKENS).symlink_to(TOKENS.resolve())
            yield folder
        finally:
            _remove(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    Path(f"{folder}.lock").unlink(missing_ok=True)


class Assembler:
    """A process beside those that train, which surveys the store and writes outputs into a tree."""

    def __init__(self, folder: Path, trained_by: str) -> None:
        self._folder, self._trained_by = folder, trained_by
        self._process = Processes(1, __name__)

    def __enter__(self) -> Assembler:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.__exit__(*error)

    def survey(self, run: TrainingRun, has_inputs: bool) -> Survey:
        """What the store has of ``run``; only which levels it is to have unless it
        ``has_inputs``."""
        survey: Survey = self._call(__name__, "survey", run, has_inputs)
        return survey

    def assemble(self, run: TrainingRun) -> str | None:
        """Write the output of ``run``, which the store has. Why it diverged, if it did."""
        reason: str | None = self._call(__name__, "assemble", run)
        return reason

    def seconds_per_epoch(self, runs: Sequence[TrainingRun]) -> float:
        """How long an epoch of the group ``runs`` takes in one process, measured on a few
        batches."""
        seconds: float = self._call("lottery.pipeline.step_time", "seconds_per_epoch", runs)
        return seconds

    def _call(self, module: str, function: str, *arguments: Any) -> Any:
        call = Call(module, function, (self._folder, *arguments), self._trained_by)
        self._process.start(function, call)
        while True:
            for _, report in self._process.reports():
                if isinstance(report, BaseException):
                    raise report
                if isinstance(report, Result):
                    return report.value


def survey(folder: Path, run: TrainingRun, has_inputs: bool, reporter: Reporter) -> Survey:
    """See :meth:`Assembler.survey`."""
    from lottery.pipeline import resume, run_store

    with contextlib.chdir(folder):
        levels = job(run).levels(run.run)
        if not has_inputs:
            return Survey(tuple(levels))
        entry = resume.entry(run.stage, run.stored_as, run.seed)
        return Survey(
            levels=tuple(levels),
            done=tuple(entry.done(levels)),
            nothing_to_train=entry.nothing_to_train(levels),
            is_busy=locks.is_held(entry.folder / run_store.LOCK),
            entry=entry,
        )


def assemble(folder: Path, run: TrainingRun, reporter: Reporter) -> str | None:
    """See :meth:`Assembler.assemble`."""
    silent = Reporter(lambda report: None, reporter.trained_by)
    with contextlib.chdir(folder):
        job(run).train_seed(run.run, run.folder, run.seed, silent)
        for level in run.seed_folder.glob("level-*"):  # large, and nobody needs them
            level.unlink()
        failure = failures.read(run.seed_folder)
        return failure.reason if failure else None


def job(run: TrainingRun) -> Any:
    """The module of the job of the run's stage."""
    return import_module(f"{jobs.__name__}.{run.stage}")
