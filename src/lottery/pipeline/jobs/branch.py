"""One seed's trainings of one control beside the winning ticket."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lottery.config import plugins
from lottery.errors import LotteryError
from lottery.experiment import branches, failures
from lottery.experiment.replicate import Level
from lottery.experiment.run_files import RunFiles
from lottery.models import Weights
from lottery.pipeline import build, resume
from lottery.pipeline.jobs import Rows, evaluate, failed_rows
from lottery.pipeline.reporter import Reporter
from lottery.pruning import masks
from lottery.pruning.control import NotForThisModelError
from lottery.pruning.masks import PrunedAt
from lottery.storage import logits, paths

if TYPE_CHECKING:
    from lottery.config.grid import Run


def run_seed(run: Run, folder: Path, seed: int, reporter: Reporter) -> Rows:
    """Train at each of ``branch.levels``, then evaluate; only then is the test set opened.

    Returns the rows of all tables; none for a control that makes no sense for the model.
    """
    ticket = paths.seed(run.winning_ticket.pruning_folder, seed)
    if failure := failures.read(ticket):
        return failed_rows(run, seed, failure, reporter)
    try:
        trained = train_seed(run, folder, seed, reporter)
    except NotForThisModelError as error:
        reporter.note(f"{run.cell} {run.arm}: left out: {error}")
        return {}
    return evaluated(run, folder, seed, trained, reporter)


def levels(run: Run) -> list[int]:
    """The levels that are trained."""
    return list(run.params.branch.levels)


def train_seed(run: Run, folder: Path, seed: int, reporter: Reporter) -> list[Level]:
    """Train and write the control at each level; none if it diverged. Raises
    NotForThisModelError."""
    seed_folder = paths.seed(folder, seed)
    with failures.recorded(seed_folder, f"{run.name} seed {seed}", reporter.note):
        return _train(run, seed_folder, seed, reporter)
    return []


def evaluated(run: Run, folder: Path, seed: int, levels: list[Level], reporter: Reporter) -> Rows:
    """The rows of all tables of the ``levels`` that a seed trained, with the dense network's; those
    of its failure if its training diverged. Here the test set is opened."""
    seed_folder = paths.seed(folder, seed)
    if failure := failures.read(seed_folder):
        return failed_rows(run, seed, failure, reporter)
    model = build.network(run)
    networks = _networks(paths.seed(run.dense_folder, seed), levels, build.shapes(model))
    # That takes little time beside the training: it does not count as work.
    networks = reporter.track(networks, "network", len(levels) + 1, start=1, share=0)
    scores = evaluate.score(run, model, networks, logits.of_control(folder, seed), seed)
    # Level 0 is the dense network, which every arm is compared with: it is in the strategies' rows.
    rows = {name: [row for row in table if row["level"] != 0] for name, table in scores.items()}
    return rows | evaluate.training_rows((seed_folder,), seed)


def _train(run: Run, seed_folder: Path, seed: int, reporter: Reporter) -> list[Level]:
    """Train and write the control at each level. Raises NotForThisModelError and Diverged."""
    cell = build.load_cell(run, seed)
    shapes = build.shapes(cell.model)
    control = plugins.load("lottery.pruning.controls", run.arm, "control").make
    dense = RunFiles(paths.seed(run.dense_folder, seed), shapes).read_dense()
    ticket_folder = paths.seed(run.winning_ticket.pruning_folder, seed)
    pruned_at = RunFiles(ticket_folder, shapes).read_pruned_at()
    check_levels("branch.levels", levels(run), pruned_at, run.cell)
    name, done = f"{run.name} seed {seed}", []
    numbers = levels(run)
    with resume.checkpointer("branch", run, seed, reporter) as checkpointer:
        replicate = build.replicate(cell, seed, checkpointer, reporter)

        def note(text: str) -> None:
            reporter.note(f"{name}: {text}")

        def trained() -> Iterator[Level]:
            for number in reporter.track(numbers, "level", len(numbers), trains=True):
                level = branches.train_control(replicate, control, dense, pruned_at, number, note)
                done.append(level)
                yield level

        RunFiles(seed_folder, shapes).write_levels(trained(), nested=False)
        resume.report(checkpointer, name, reporter.note)
    return done


def check_levels(key: str, levels: Collection[int], pruned_at: PrunedAt, cell: str) -> None:
    """Raise LotteryError for a level that the winning ticket's pruning run does not have."""
    last = masks.last_level(pruned_at)
    for level in levels:
        if level > last:
            raise LotteryError(
                f"{paths.PARAMS}: {key}: {level}, but the pruning runs of {cell} end at level "
                f"{last}"
            )


def _networks(
    dense: Path, levels: list[Level], shapes: dict[str, torch.Size]
) -> Iterator[tuple[int, float, Weights]]:
    yield 0, 0.0, RunFiles(dense, shapes).read_state("final")
    for level in levels:
        yield level.number, masks.sparsity(level.pruned_at, level.number), level.weights
