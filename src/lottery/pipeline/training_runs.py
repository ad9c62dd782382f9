"""Every training run of the grid, in an order in which each comes after those that it needs.

A training run is one seed of one run in the stage that trains it. It needs others: a pruning run
starts from the weights of its dense run, and a control from the winning ticket.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lottery.config import grid
from lottery.storage import paths

if TYPE_CHECKING:
    from lottery.config.grid import Run
    from lottery.config.schema import Params

STAGES = ("train", "prune", "branch", "connectivity", "transfer")
"""Those that train."""
OTHER_ORDER = "other_order"
"""The arm under which tickets that are trained in another order save their checkpoints."""


@dataclass(frozen=True)
class TrainingRun:
    """One seed of ``run`` in ``stage``. ``needs`` are the names of the runs that it starts from."""

    stage: str
    run: Run
    seed: int
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``prune ag_news-cnn-winning_ticket seed 3``."""
        return f"{self.stage} {self.run.name} seed {self.seed}"

    @property
    def arguments(self) -> list[str]:
        """Those of its stage's command: ``["ag_news", "cnn", "winning_ticket"]``."""
        run = self.run
        return [name for name in (run.source, run.corpus, run.model, run.arm) if name]

    @property
    def stored_as(self) -> Run:
        """The run whose name its folder in the run store has."""
        return self.run.of_arm(OTHER_ORDER) if self.stage == "connectivity" else self.run

    @property
    def folder(self) -> Path:
        """The folder of its stage's output."""
        return {
            "train": self.run.dense_folder,
            "prune": self.run.pruning_folder,
            "branch": self.run.branch_folder,
            "transfer": self.run.branch_folder,
            "connectivity": self.run.connectivity.tables_folder,
        }[self.stage]

    @property
    def seed_folder(self) -> Path:
        """The seed's folder in it."""
        return paths.seed(self.folder, self.seed)


def of_grid(params: Params) -> list[TrainingRun]:
    """All of them, cell by cell; transferred arms last."""
    runs: list[TrainingRun] = []
    for cell in grid.cells(params):
        runs += [_dense(cell, seed) for seed in params.seeds]
        for strategy in params.strategies:
            runs += [_pruning(cell.of_arm(strategy), seed) for seed in params.seeds]
        for control in params.controls:
            runs += [_beside("branch", cell.of_arm(control), seed) for seed in params.seeds]
        if params.connectivity.levels:
            runs += [_beside("connectivity", cell, seed) for seed in params.seeds]
    for run in grid.transfers(params):
        runs += [_beside("transfer", run, seed) for seed in params.seeds]
    return runs


def _dense(cell: Run, seed: int) -> TrainingRun:
    return TrainingRun("train", cell, seed)


def _pruning(run: Run, seed: int) -> TrainingRun:
    return TrainingRun("prune", run, seed, (_dense(run.of_arm(""), seed).name,))


def _beside(stage: str, run: Run, seed: int) -> TrainingRun:
    """A training beside the winning ticket, or beside the one that it is transferred from, too."""
    tickets = [run.winning_ticket, *([run.source_ticket] if run.source else [])]
    return TrainingRun(stage, run, seed, tuple(_pruning(ticket, seed).name for ticket in tickets))
