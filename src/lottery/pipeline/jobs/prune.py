"""One seed's pruning run of one strategy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from lottery import models
from lottery.config import plugins
from lottery.experiment import failures, pruning, replicate
from lottery.experiment.run_files import RunFiles
from lottery.pipeline import build, resume
from lottery.pipeline.jobs import Rows
from lottery.pipeline.reporter import Reporter
from lottery.storage import paths

if TYPE_CHECKING:
    from lottery.config.grid import Run


def levels(run: Run) -> list[int]:
    """The levels of the pruning run; they depend on the sizes of the network only."""
    return _levels(run, build.network(run))


def _levels(run: Run, model: nn.Module) -> list[int]:
    pruned_at = replicate.pruned_at_dense(dict(model.named_parameters()))
    count = pruning.levels(pruned_at, run.params.prune, models.output_layer(model))
    return list(range(1, count + 1))


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
    numbers = _levels(run, cell.model)
    with (
        failures.recorded(seed_folder, name, reporter.note),
        resume.checkpointer("prune", run, seed, reporter) as checkpointer,
    ):
        one_seed = build.replicate(cell, seed, checkpointer, reporter)
        pruning_run = one_seed.pruning_run(strategy, criterion, dense)
        tracked = reporter.track(pruning_run, "level", len(numbers), trains=True)
        RunFiles(seed_folder, shapes).write_levels(tracked)
        resume.report(checkpointer, name, reporter.note)
    return {}


train_seed = run_seed
