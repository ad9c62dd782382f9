"""One seed's trainings of one transferred arm: a source's tickets on the target's documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lottery.config import plugins
from lottery.experiment import failures, transfer
from lottery.experiment.replicate import Level
from lottery.experiment.run_files import RunFiles
from lottery.experiment.transfer import TicketRun
from lottery.models import EMBEDDING
from lottery.pipeline import build, resume
from lottery.pipeline.jobs import Rows, branch, failed_rows
from lottery.pipeline.reporter import Reporter
from lottery.storage import paths, token_arrays

if TYPE_CHECKING:
    from lottery.config.grid import Run


def run_seed(run: Run, folder: Path, seed: int, reporter: Reporter) -> Rows:
    """Train at each of ``transfer.levels``, then evaluate; only then is the test set opened.

    Returns the rows of all tables. Without a ticket, the source's or the target's own, there is
    nothing to train.
    """
    for ticket in (run.source_ticket, run.winning_ticket):
        if failure := failures.read(paths.seed(ticket.pruning_folder, seed)):
            return failed_rows(run, seed, failure, reporter)
    trained = train_seed(run, folder, seed, reporter)
    return branch.evaluated(run, folder, seed, trained, reporter)


def levels(run: Run) -> list[int]:
    """The levels that are trained."""
    return list(run.params.transfer.levels)


def train_seed(run: Run, folder: Path, seed: int, reporter: Reporter) -> list[Level]:
    """Train and write the arm at each level; none if it diverged."""
    seed_folder = paths.seed(folder, seed)
    with failures.recorded(seed_folder, f"{run.name} seed {seed}", reporter.note):
        return _train(run, seed_folder, seed, reporter)
    return []


def _train(run: Run, seed_folder: Path, seed: int, reporter: Reporter) -> list[Level]:
    """Train and write the arm at each level. Raises Diverged."""
    cell = build.load_cell(run, seed)
    arm = plugins.load("lottery.pruning.transfers", run.arm, "transferred arm").make
    source, source_words = _ticket_run(run.source_ticket, seed)
    target, target_words = _ticket_run(run.winning_ticket, seed)
    rows = transfer.rows_of(source_words, target_words)
    numbers, done = levels(run), []
    with resume.checkpointer("transfer", run, seed, reporter) as checkpointer:
        replicate = build.replicate(cell, seed, checkpointer, reporter)

        def trained() -> Iterator[Level]:
            for number in reporter.track(numbers, "level", len(numbers), trains=True):
                level = transfer.train(replicate, arm, source, target, rows, number)
                done.append(level)
                yield level

        RunFiles(seed_folder, build.shapes(cell.model)).write_levels(trained(), nested=False)
        resume.report(checkpointer, f"{run.name} seed {seed}", reporter.note)
    return done


def _ticket_run(ticket: Run, seed: int) -> tuple[TicketRun, list[str]]:
    """A winning ticket's run, and the words of its embedding. Raises LotteryError for a level that
    it does not have."""
    shapes = build.shapes(build.network(ticket))
    dense = RunFiles(paths.seed(ticket.dense_folder, seed), shapes).read_dense()
    pruned_at = RunFiles(paths.seed(ticket.pruning_folder, seed), shapes).read_pruned_at()
    branch.check_levels("transfer.levels", ticket.params.transfer.levels, pruned_at, ticket.cell)
    words = token_arrays.read_words(ticket.tokens)[: len(dense.init[EMBEDDING])]
    return TicketRun(dense, pruned_at), words
