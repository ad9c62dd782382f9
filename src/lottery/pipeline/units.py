"""Units of work: a group of training runs of one cell and stage that are trained together.

A unit goes to an executor; checkpoints come out, in the run store, under its runs' fingerprints.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lottery.pipeline import assembly
from lottery.pipeline.reporter import Reporter
from lottery.pruning.control import NotForThisModelError
from lottery.storage import paths
from lottery.training.loop import Diverged

if TYPE_CHECKING:
    from lottery.pipeline.assembly import Survey
    from lottery.pipeline.run_store import Entry
    from lottery.pipeline.training_runs import TrainingRun


@dataclass(frozen=True)
class Unit:
    """What to train, and what the run store has of it: the fingerprint of each run, which lists
    its inputs and their digests, and the levels that are done."""

    name: str
    runs: tuple[TrainingRun, ...]
    surveys: tuple[Survey, ...]

    @property
    def inputs(self) -> Mapping[str, str]:
        """The digest of each file that decides its training, by its path in the tree."""
        return {
            path: sha for entry in self.entries for path, sha in entry.fingerprint["inputs"].items()
        }

    @property
    def entries(self) -> list[Entry]:
        """Where each of its runs is in the run store."""
        return [survey.entry for survey in self.surveys if survey.entry]


def train(tree: Path, unit: Unit, reporter: Reporter) -> None:
    """Train the runs of ``unit`` in the working tree ``tree``, which has its inputs, into the run
    store; if there are several, in lockstep.

    A run that diverges, or makes no sense for its model, has said so and is done.
    """
    with contextlib.chdir(tree):
        jobs = [(partial(_train, run, tree), reporter.of_run(run.name)) for run in unit.runs]
        if len(jobs) > 1:
            from lottery.pipeline import lockstep

            lockstep.together(jobs, [_here(entry) for entry in unit.entries])
        else:
            for work, of_run in jobs:
                work(of_run)


def _here(entry: Entry) -> Entry:
    """``entry`` in the run store of this machine: on a cluster, the driver's has another path."""
    return replace(entry, folder=paths.checkpoints() / Path(*entry.folder.parts[-3:]))


def _train(run: TrainingRun, tree: Path, reporter: Reporter) -> None:
    """Train a run by its stage's own job, whose output nobody needs here: it is assembled from the
    store."""
    train_seed: Callable[..., object] = assembly.job(run).train_seed
    with tempfile.TemporaryDirectory(dir=tree) as outputs:
        try:
            train_seed(run.run, Path(outputs), run.seed, reporter)
        except (Diverged, NotForThisModelError) as error:
            reporter.note(f"{run.name}: {error}")
