"""One seed's pruning run of one strategy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lottery import models
from lottery.config import plugins
from lottery.experiment import failures, pruning, replicate
from lottery.experiment.replicate import Replicate
from lottery.experiment.run_files import RunFiles
from lottery.pipeline import build, resume
from lottery.pipeline.jobs import Rows
from lottery.pipeline.reporter import Reporter
from lottery.storage import paths

if TYPE_CHECKING:
    from lottery.config.grid import Run


def run_seed(run: Run, folder: Path, seed: int, reporter: Reporter) -> Rows:
    """Write the pruning run; if it or its dense run diverged, where and why."""
    name, seed_folder = f"{run.name} seed {seed}", paths.seed(folder, seed)
    dense_folder = paths.seed(run.dense_folder, seed)
    if failure := failures.read(dense_folder):
        failures.write(seed_folder, failure)
        return {}
    cell = build.load_cell(run, seed)
    shapes = build.shapes(cell.model)
    strategy = plugins.load("lottery.pruning.strategies", run.arm, "strategy").start
    criterion = plugins.load(
        "lottery.pruning.criteria", run.params.prune.criterion, "criterion"
    ).score
    dense = RunFiles(dense_folder, shapes).read_dense()
    pruned_at, layer = replicate.pruned_at_dense(dense.init), models.output_layer(cell.model)
    levels = pruning.levels(pruned_at, run.params.prune, layer)
    with (
        resume.checkpointer("prune", run, seed) as checkpointer,
        failures.recorded(seed_folder, name, reporter.note),
    ):
        one_seed = Replicate(cell, seed, checkpointer, reporter.after_epoch, reporter.after_batch)
        pruning_run = one_seed.pruning_run(strategy, criterion, dense)
        tracked = reporter.track(pruning_run, "level", levels, trains=True)
        RunFiles(seed_folder, shapes).write_levels(tracked)
        resume.report(checkpointer, name, reporter.note)
    return {}
