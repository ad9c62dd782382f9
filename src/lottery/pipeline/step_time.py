"""How long an epoch takes, from a few of its batches."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lottery.experiment import replicate
from lottery.models import EMBEDDING
from lottery.pipeline import build
from lottery.pipeline.reporter import Reporter
from lottery.pruning import masks
from lottery.training import loop, optimizers
from lottery.training.loop import Diverged, Plan

if TYPE_CHECKING:
    from lottery.pipeline.training_runs import TrainingRun

SECONDS, BATCHES = 3.0, 40
"""How long is measured: until both this time and so few batches, or so many batches, are over."""
_FIRST = 3
"""Batches that are not measured: the first ones compile and fill caches."""
_VALIDATION = 1 / 3
"""A document's share of the time of training on it: forward only."""


class _Enough(Exception):
    """Ends the epoch that is measured."""


def seconds_per_epoch(folder: Path, run: TrainingRun, reporter: Reporter) -> float:
    """Seconds of one process that trains a dense network of the run's cell for an epoch, and
    validates it. ``folder`` has the tokens; nothing is written."""
    with contextlib.chdir(folder):
        cell = build.load_cell(run.run, run.seed)
    init = cell.draw(run.seed, "init", 0)
    loop.load_weights(cell.model, init)
    optimizer = optimizers.build(cell.model, masks.at_level(replicate.pruned_at_dense(init), 0))
    plan = cell.plan(run.seed, 0, 0)
    ends: list[float] = []
    total = 0

    def after_batch(plan: Plan, epoch: int, batch: int, batches: int) -> None:
        nonlocal total
        if getattr(cell.model, EMBEDDING).is_cuda:
            torch.cuda.synchronize()
        ends.append(time.monotonic())
        total = batches
        enough = len(ends) > _FIRST and ends[-1] - ends[min(_FIRST, len(ends) - 1)] >= SECONDS
        if enough or len(ends) > _FIRST + BATCHES:
            raise _Enough

    with contextlib.suppress(_Enough, Diverged):  # its batches took as long as any
        loop.one_epoch(cell.model, cell.train_set, optimizer, plan, 0, after_batch)
    first = min(_FIRST, len(ends) - 1)
    steps = len(ends) - 1 - first
    per_batch = (ends[-1] - ends[first]) / steps if steps else 0.0
    validation = _VALIDATION * len(cell.validation_set) / len(cell.train_set)
    return per_batch * total * (1 + validation)
