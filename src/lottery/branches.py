"""Single trainings beside a winning ticket: its controls, and the same ticket in another order.

Needs torch, NumPy, Numba and safetensors only, so that it runs where the rest is not installed.
"""

from dataclasses import replace
from typing import Any

import torch

from lottery import models, runs, seeds
from lottery.cells import Cell
from lottery.errors import LotteryError
from lottery.models import Weights
from lottery.pruning.control import Control, Ticket
from lottery.pruning.masks import RemovedAt
from lottery.pruning.strategy import Start
from lottery.runs import DenseRun, Level, OnEpoch
from lottery.training import loop
from lottery.training.progress import Progress


def branch(
    cell: Cell,
    control: Control,
    dense_run: DenseRun,
    removed_at: RemovedAt,
    level: int,
    seed: int,
    prune: Any,
    on_epoch: OnEpoch,
    progress: Progress | None = None,
) -> Level:
    """Train ``control`` at ``level`` of the winning ticket whose chain left ``removed_at``.

    Raises NotForThisModelError where the control has no meaning for the model, LotteryError for
    scores that are not finite.
    """
    prunable = runs.prunable(dense_run.init, prune.parameters)

    def gradients(weights: Weights) -> Weights:
        loop.load_weights(cell.model, weights)
        return loop.gradients(cell.model, cell.train_part, cell.plan(seed, 0, 0))

    ticket = Ticket(
        level=level,
        removed_at=removed_at,
        dense=runs.source_of(cell, dense_run, seed),
        prunable=prunable,
        weights={name for name in prunable if models.kind(name) != "biases"},
        generator=lambda purpose: seeds.torch_generator(seed, purpose, level),
        gradients=gradients,
        flow=getattr(cell.model, "flow", None),
    )
    try:
        record, start = control.make(ticket)
    except ValueError as error:
        raise LotteryError(f"seed {seed}: {error}; run 'dvc repro' on its dense run") from None
    return runs.train_level(cell, start, record, level, seed, on_epoch, progress)


def other_order(
    cell: Cell,
    init: Weights,
    removed_at: RemovedAt,
    level: int,
    seed: int,
    on_epoch: OnEpoch,
    progress: Progress | None = None,
) -> Level:
    """The winning ticket at ``level`` trained once more: other data order, other dropout."""
    other = replace(cell, order=seeds.stream(seed, "other order"))
    return runs.train_level(other, Start(init, 0), removed_at, level, seed, on_epoch, progress)


def between(one: Weights, other: Weights, share: float) -> Weights:
    """The weights at ``share`` (0 to 1) of the straight line from ``one`` to ``other``."""
    return {name: torch.lerp(one[name], other[name], share) for name in one}
