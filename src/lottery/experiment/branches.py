"""Single trainings beside a winning ticket: its controls, and the same ticket in another order."""

from collections.abc import Callable
from dataclasses import replace

import torch

from lottery import models
from lottery.errors import LotteryError
from lottery.experiment import pruning
from lottery.experiment.replicate import DenseRun, Level, Replicate
from lottery.models import Weights
from lottery.pruning.control import Control, Ticket
from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Start
from lottery.training import loop, rng


def train_control(
    replicate: Replicate,
    control: Control,
    dense: DenseRun,
    pruned_at: PrunedAt,
    level: int,
    note: Callable[[str], object] = lambda text: None,
) -> Level:
    """``control`` trained at ``level`` of the winning ticket that ``pruned_at`` belongs to.

    ``note`` is given what the control has to say about its mask, a line each.
    Raises NotForThisModelError where the control makes no sense for the model, Diverged, and
    LotteryError for scores that are not finite.
    """
    cell, seed = replicate.cell, replicate.seed
    prune = cell.settings.prune
    names = pruning.prunable(dense.init, prune.parameters)
    weights = {name for name in names if models.kind(name) != "biases"}

    def gradients(weights: Weights) -> Weights:
        loop.load_weights(cell.model, weights)
        return loop.gradients(cell.model, cell.train_set, cell.plan(seed, 0, 0))

    ticket = Ticket(
        level=level,
        pruned_at=pruned_at,
        dense=replicate.start_from(dense),
        prunable=names,
        rankings=pruning.rankings(weights, prune, models.output_layer(cell.model)),
        drawn=cell.drawn(),
        generator=lambda purpose: rng.torch_generator(seed, purpose, level),
        gradients=gradients,
        flow=getattr(cell.model, "flow", None),
        note=note,
    )
    try:
        control_pruned_at, start = control(ticket)
    except ValueError as error:
        raise LotteryError(f"seed {seed}: {error}; run 'dvc repro' on its dense run") from None
    return replicate.train_level(start, control_pruned_at, level)


def train_other_order(
    replicate: Replicate, init: Weights, pruned_at: PrunedAt, level: int
) -> Level:
    """The winning ticket at ``level`` trained once more: other data order, other dropout.

    Other batch lengths at each step too, the same ones for all seeds: else only the choice among
    documents of one length would differ. A barrier does not tell what made it.
    Raises Diverged.
    """
    other = replace(replicate, cell=replace(replicate.cell, order=1))
    return other.train_level(Start(init, 0), pruned_at, level)


def between(one: Weights, other: Weights, share: float) -> Weights:
    """The weights at ``share`` (0 to 1) of the straight line from ``one`` to ``other``."""
    return {name: torch.lerp(one[name], other[name], share) for name in one}
