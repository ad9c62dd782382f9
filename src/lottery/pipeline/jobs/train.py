"""One seed's dense run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from lottery.experiment import failures
from lottery.experiment.replicate import Replicate
from lottery.experiment.run_files import RunFiles
from lottery.pipeline import build, resume
from lottery.pipeline.jobs import Rows
from lottery.storage import paths

if TYPE_CHECKING:
    from lottery.config.grid import Run


def run_seed(run: Run, folder: Path, seed: int) -> Rows:
    """Write the dense run; if it diverged, where and why."""
    cell = build.load_cell(run, seed)
    name, seed_folder = f"{run.name} seed {seed}", paths.seed(folder, seed)
    with (
        resume.checkpointer("train", run, seed) as checkpointer,
        tqdm(total=run.train_settings.epochs, unit="epoch", desc=name) as bar,
        failures.recorded(seed_folder, name),
    ):
        replicate = Replicate(cell, seed, checkpointer, lambda metrics: bar.update())
        dense = replicate.dense_run()
        bar.update(len(dense.history) - bar.n)  # the epochs that were resumed
        RunFiles(seed_folder, build.shapes(cell.model)).write_dense(dense)
        resume.report(checkpointer, name, bar.write)
        bar.write(f"{name}: validation accuracy {dense.history[-1]['validation_accuracy']:.2f} %")
    return {}
