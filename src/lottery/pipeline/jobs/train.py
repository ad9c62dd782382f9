"""One seed's dense run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lottery.experiment import failures
from lottery.experiment.run_files import RunFiles
from lottery.pipeline import build, resume
from lottery.pipeline.jobs import Rows
from lottery.pipeline.reporter import Reporter
from lottery.storage import paths

if TYPE_CHECKING:
    from lottery.config.grid import Run


def levels(run: Run) -> list[int]:
    """The levels that are trained: the dense network is level 0."""
    return [0]


def run_seed(run: Run, folder: Path, seed: int, reporter: Reporter) -> Rows:
    """Write the dense run; if it diverged, where and why."""
    cell = build.load_cell(run, seed)
    name, seed_folder = f"{run.name} seed {seed}", paths.seed(folder, seed)
    with (
        failures.recorded(seed_folder, name, reporter.note),
        resume.checkpointer("train", run, seed, reporter) as checkpointer,
    ):
        replicate = build.replicate(cell, seed, checkpointer, reporter)
        for _ in reporter.track(levels(run), "", 1, trains=True):
            dense = replicate.dense_run()
            RunFiles(seed_folder, build.shapes(cell.model)).write_dense(dense)
            reporter.after_epoch(dense.history[-1])  # of a run that was finished before, too
        resume.report(checkpointer, name, reporter.note)
    return {}


train_seed = run_seed
