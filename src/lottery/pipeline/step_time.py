"""How long an epoch takes, from a few of its batches."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lottery.experiment import replicate
from lottery.models import EMBEDDING
from lottery.pipeline import build
from lottery.pipeline.reporter import Reporter
from lottery.pruning import masks
from lottery.training import loop, optimizers
from lottery.training.lockstep import loop as lockstep
from lottery.training.lockstep.loop import Network
from lottery.training.loop import Diverged

if TYPE_CHECKING:
    from lottery.experiment.cell import Cell
    from lottery.pipeline.training_runs import TrainingRun

SECONDS, BATCHES = 3.0, 40
"""How long is measured: until both this time and so few batches, or so many batches, are over."""
_FIRST = 3
"""Batches that are not measured: the first ones compile and fill caches."""
_VALIDATION = 1 / 3
"""A document's share of the time of training on it: forward only."""


class _Enough(Exception):
    """Ends the epoch that is measured."""


@dataclass
class _Clock:
    """When each batch of an epoch that has ``batches`` was done."""

    on_gpu: bool
    batches: int = 0
    ends: list[float] = field(default_factory=list)

    def after_batch(self, of: object, epoch: int, batch: int, batches: int) -> None:
        """Called by the training loop; raises _Enough."""
        if self.on_gpu:
            torch.cuda.synchronize()
        self.ends.append(time.monotonic())
        self.batches = batches
        measured = self.ends[_FIRST:]
        if measured and (measured[-1] - measured[0] >= SECONDS or len(measured) > BATCHES):
            raise _Enough

    def seconds(self) -> float:
        """Of the whole epoch, at the speed of the batches that were measured."""
        measured = self.ends[min(_FIRST, len(self.ends) - 1) :]
        steps = len(measured) - 1
        return (measured[-1] - measured[0]) / steps * self.batches if steps else 0.0


def seconds_per_epoch(folder: Path, runs: Sequence[TrainingRun], reporter: Reporter) -> float:
    """Seconds of one process that trains the dense networks of the group ``runs`` for an epoch, and
    validates them. ``folder`` has the tokens; nothing is written."""
    with contextlib.chdir(folder):
        cells = [build.load_cell(run.run, run.seed) for run in runs]
    seeds = [run.seed for run in runs]
    clock = _Clock(getattr(cells[0].model, EMBEDDING).is_cuda)
    with contextlib.suppress(_Enough, Diverged):  # its batches took as long as any
        if len(runs) > 1:
            networks = [_network(cell, seed) for cell, seed in zip(cells, seeds, strict=True)]
            callbacks = lockstep.Callbacks(after_batch=clock.after_batch)
            lockstep.train(cells[0].model, networks, callbacks)
        else:
            _train_epoch(cells[0], seeds[0], clock)
    validation = _VALIDATION * len(cells[0].validation_set) / len(cells[0].train_set)
    return clock.seconds() * (1 + validation)


def _network(cell: Cell, seed: int) -> Network:
    init = cell.draw(seed, "init", 0)
    level_masks = masks.at_level(replicate.pruned_at_dense(init), 0)
    splits = cell.train_set, cell.validation_set
    return Network(init, level_masks, cell.plan(seed, 0, 0), splits)


def _train_epoch(cell: Cell, seed: int, clock: _Clock) -> None:
    dense = _network(cell, seed)
    loop.load_weights(cell.model, dense.weights)
    optimizer = optimizers.build(cell.model, dense.masks)
    loop.one_epoch(cell.model, cell.train_set, optimizer, dense.plan, 0, clock.after_batch)
