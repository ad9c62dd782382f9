"""One seed's straight lines between trained tickets of one cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lottery import metrics
from lottery.experiment import branches, failures
from lottery.experiment.cell import Cell
from lottery.experiment.replicate import Level
from lottery.experiment.run_files import RunFiles
from lottery.models import EMBEDDING, Weights
from lottery.pipeline import build, resume
from lottery.pipeline.jobs import Rows, branch, failed_rows
from lottery.pipeline.reporter import Reporter
from lottery.pipeline.training_runs import OTHER_ORDER
from lottery.storage import paths
from lottery.training import batches, evaluation, loop
from lottery.training.loop import Diverged

if TYPE_CHECKING:
    from lottery.config.grid import Run


@dataclass(frozen=True)
class Line:
    """A straight line between the weights of two trained networks, ``start`` at alpha 0."""

    kind: str
    level: int
    start: Weights
    end: Weights


def run_seed(run: Run, folder: Path, seed: int, reporter: Reporter) -> Rows:
    """Return a row per network on each line; write nothing into ``folder``."""
    if failure := failures.read(paths.seed(run.winning_ticket.pruning_folder, seed)):
        return failed_rows(run, seed, failure, reporter)
    cell = build.load_cell(run, seed)
    try:
        trained = train_seed(run, folder, seed, reporter, cell)
    except Diverged as error:
        return failed_rows(run, seed, failures.of(error), reporter)
    lines = _lines(run, cell, seed, trained)
    tracked = reporter.track(lines, "line", len(lines), start=0.5, share=0.5)
    return {"lines": list(_points(run, cell, tracked, seed))}


def levels(run: Run) -> list[int]:
    """The levels that are trained once more."""
    return list(run.params.connectivity.levels)


def train_seed(
    run: Run, folder: Path, seed: int, reporter: Reporter, cell: Cell | None = None
) -> list[Level]:
    """Each ticket, trained once more in another order of the data. Raises Diverged."""
    cell = cell or build.load_cell(run, seed)
    shapes = build.shapes(cell.model)
    ticket_folder = paths.seed(run.winning_ticket.pruning_folder, seed)
    pruned_at = RunFiles(ticket_folder, shapes).read_pruned_at()
    branch.check_levels("connectivity.levels", levels(run), pruned_at, run.cell)
    init = RunFiles(paths.seed(run.dense_folder, seed), shapes).read_state("init")
    other_order = run.of_arm(OTHER_ORDER)
    with resume.checkpointer("connectivity", other_order, seed, reporter) as checkpointer:
        replicate = build.replicate(cell, seed, checkpointer, reporter)
        numbers = levels(run)
        tracked = reporter.track(numbers, "level", len(numbers), trains=True, share=0.5)
        trained = [
            branches.train_other_order(replicate, init, pruned_at, number) for number in tracked
        ]
        resume.report(checkpointer, f"{other_order.name} seed {seed}", reporter.note)
    return trained


def _lines(run: Run, cell: Cell, seed: int, trained: list[Level]) -> list[Line]:
    """All lines; ``trained`` are the tickets trained once more."""
    shapes = build.shapes(cell.model)
    dense = RunFiles(paths.seed(run.dense_folder, seed), shapes)
    ticket = RunFiles(paths.seed(run.winning_ticket.pruning_folder, seed), shapes)
    pruned_at = ticket.read_pruned_at()
    lines: list[Line] = []
    for again in trained:
        level = again.number
        here = ticket.read_level(pruned_at, level)
        if level == 1:
            before = dense.read_state("final")
        else:
            before = ticket.read_level(pruned_at, level - 1)
        lines.append(Line("levels", level, before, here))
        lines.append(Line("orders", level, here, again.weights))
    return lines


def _points(run: Run, cell: Cell, lines: Iterable[Line], seed: int) -> Iterator[dict[str, object]]:
    """A row per network: training loss (nats per document) and test error (percent)."""
    device = cell.train_set.ids.device
    test_set = batches.load(run.tokens, "test", len(getattr(cell.model, EMBEDDING)), device, seed)
    for line in lines:
        for alpha in np.linspace(0, 1, run.params.connectivity.points):
            weights = branches.between(line.start, line.end, float(alpha))
            loop.load_weights(cell.model, weights)
            logits = evaluation.logits(cell.model, cell.train_set)
            loss = metrics.loss(logits, cell.train_set.labels.cpu().numpy())
            logits = evaluation.logits(cell.model, test_set)
            error = 100 - metrics.accuracy(logits, test_set.labels.cpu().numpy())
            yield {
                "kind": line.kind,
                "seed": seed,
                "level": line.level,
                "alpha": float(alpha),
                "train_loss": loss,
                "test_error": error,
            }
