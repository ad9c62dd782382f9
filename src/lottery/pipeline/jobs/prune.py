"""One seed's pruning run of one strategy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from lottery import models
from lottery.config import plugins
from lottery.experiment import failures, pruning, replicate
from lottery.experiment.replicate import Level, Replicate
from lottery.experiment.run_files import RunFiles
from lottery.pipeline import build, resume
from lottery.pipeline.jobs import Rows
from lottery.storage import paths
from lottery.training.loop import EpochMetrics

if TYPE_CHECKING:
    from lottery.config.grid import Run


def run_seed(run: Run, folder: Path, seed: int) -> Rows:
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
        tqdm(total=levels, unit="level", desc=name) as bar,
        failures.recorded(seed_folder, name),
    ):

        def show_epoch(metrics: EpochMetrics) -> None:
            accuracy = f"{metrics['validation_accuracy']:.1f} %"
            bar.set_postfix(epoch=metrics["epoch"], accuracy=accuracy)

        one_seed = Replicate(cell, seed, checkpointer, show_epoch)
        pruning_run = one_seed.pruning_run(strategy, criterion, dense)
        RunFiles(seed_folder, shapes).write_levels(_counted(pruning_run, bar))
        resume.report(checkpointer, name, bar.write)
    return {}


def _counted(levels: Iterable[Level], bar: tqdm) -> Iterator[Level]:
    for level in levels:
        yield level
        bar.update()
