"""The training loop: Adam, batches of similar lengths, masks after every step."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lottery import batches, seeds
from lottery.analysis import scores
from lottery.batches import Documents
from lottery.errors import LotteryError
from lottery.kernels import dropping
from lottery.models import EMBEDDING, Dropout, Weights
from lottery.training import optimisers
from lottery.training.optimisers import Optimiser

EVALUATION_TOKENS = 1 << 15
"""Padded tokens a batch where no gradient is kept."""

Row = dict[str, float]

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
}
"""The factor on the learning rate, of the share of all steps that are done."""


@dataclass(frozen=True)
class Plan:
    """How one level is trained. ``epochs`` are the numbers of the epochs, from 0: they decide the
    order of the data and the place in the schedule, which runs over ``total_epochs``."""

    seed: int
    level: int
    epochs: range
    total_epochs: int
    lr: float
    schedule: str
    batch: batches.Size
    dropout: float
    patience: int | None


def load_weights(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Copy ``weights`` into the model's parameters. Raises LotteryError if they do not fit."""
    for name, parameter in model.named_parameters():
        if name not in weights or weights[name].shape != parameter.shape:
            found = tuple(weights[name].shape) if name in weights else "nothing"
            raise LotteryError(f"weights of {name}: {found}, expected {tuple(parameter.shape)}")
        parameter.data.copy_(weights[name])


def copy_weights(model: nn.Module) -> Weights:
    """The model's parameters, copies on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.named_parameters()}


def train(
    model: nn.Module,
    train_part: Documents,
    validation_part: Documents,
    masks: Mapping[str, torch.Tensor],
    plan: Plan,
    after_epoch: Callable[[int, Row], object] = lambda epoch, row: None,
) -> list[Row]:
    """Train ``model`` in place with a fresh Adam; the masked weights stay exactly zero.

    ``masks`` are bool, one a parameter. ``after_epoch(epochs done, row)`` is called after each
    epoch, when the model holds that epoch's weights. With ``patience``, the state with the lowest
    validation loss is restored at the end. Returns a row an epoch: epoch (epochs done, from the
    dense run's start), train_loss, validation_loss, validation_accuracy.
    Raises LotteryError if the loss is no longer finite.
    """
    parameters = list(model.parameters())
    optimiser = optimisers.build(model, masks)
    rows: list[Row] = []
    best: tuple[float, list[torch.Tensor]] = (math.inf, [])
    for epoch in plan.epochs:
        train_loss = one_epoch(model, train_part, optimiser, plan, epoch)
        _check_finite(train_loss, plan, epoch)
        row = {"epoch": epoch + 1, "train_loss": train_loss, **evaluate(model, validation_part)}
        _check_finite(row["validation_loss"], plan, epoch)
        rows.append(row)
        after_epoch(epoch + 1, row)
        if plan.patience is None:
            continue
        if row["validation_loss"] < best[0]:
            best = (row["validation_loss"], [value.detach().clone() for value in parameters])
            best_row = len(rows)
        elif len(rows) - best_row >= plan.patience:
            break
    if plan.patience is not None:
        for parameter, value in zip(parameters, best[1], strict=True):
            parameter.data.copy_(value)
    return rows


def one_epoch(
    model: nn.Module,
    documents: Documents,
    optimiser: Optimiser,
    plan: Plan,
    epoch: int,
) -> float:
    """One pass over the documents; returns the mean loss a document."""
    device = documents.ids.device
    generator = seeds.torch_generator(plan.seed, "dropout", plan.level, epoch, device=device)
    dropout = dropout_from(generator, plan.dropout)
    order = batches.order(documents.lengths, plan.batch, plan.seed, epoch)
    numbers = torch.from_numpy(np.concatenate(order)).to(device)  # one transfer an epoch
    total = torch.zeros((), device=device)
    model.train()
    for step, index in enumerate(numbers.split([len(batch) for batch in order])):
        done = (epoch * len(order) + step) / (plan.total_epochs * len(order))
        longest = int(documents.lengths[order[step]].max())
        tokens, lengths = documents.batch(index, longest)
        logits = model(*optimiser.words(tokens), lengths, dropout)
        loss = _loss(logits, documents.labels[index])
        loss.backward()
        optimiser.step(plan.lr * SCHEDULES[plan.schedule](done))
        total += loss.detach() * len(index)
    optimiser.finish()
    return float(total) / len(documents)


def _check_finite(loss: float, plan: Plan, epoch: int) -> None:
    if not math.isfinite(loss):
        raise LotteryError(
            f"level {plan.level}: the loss is not finite after epoch {epoch + 1} "
            f"(seed {plan.seed}, learning rate {plan.lr}); choose a smaller train.<cell>.lr"
        )


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    return F.cross_entropy(logits, labels)


def dropout_from(generator: torch.Generator, share: float) -> Dropout:
    """Dropout by a generator of its own, not the process's.

    One 64-bit draw decides four values, so ``share`` is rounded to a multiple of 2**-16; drawing
    each by itself took an eighth of an LSTM's step.
    """
    threshold = round(share * 2**16) - 2**15

    def dropout(values: torch.Tensor) -> torch.Tensor:
        if share == 0:
            return values
        count = values.numel()
        bits = torch.empty(-(-count // 4), dtype=torch.int64, device=values.device)
        bits.random_(-(2**63), None, generator=generator)
        own = bits.view(torch.int16)[:count]
        if values.device.type == "cpu":
            return dropping.dropout(values, own, threshold, 1 / (1 - share))
        kept = (own >= threshold).view(values.shape)
        return values * (kept * (1 / (1 - share))).to(values.dtype)

    return dropout


@torch.no_grad()
def logits(model: nn.Module, documents: Documents) -> np.ndarray:
    """Every document's logits, float32 ``[documents, outputs]``, without dropout."""
    model.eval()
    device = documents.ids.device
    found: torch.Tensor | None = None
    for batch in batches.by_length(documents.lengths, EVALUATION_TOKENS):
        index = torch.from_numpy(batch).to(device)
        longest = int(documents.lengths[batch[-1]])
        tokens, lengths = documents.batch(index, longest)
        words = optimisers.words(getattr(model, EMBEDDING), tokens)
        values = model(*words, lengths, lambda states: states)
        if found is None:
            found = values.new_empty(len(documents), values.shape[1])
        found[index] = values
    assert found is not None  # no part of a corpus is empty
    return found.cpu().numpy()


def evaluate(model: nn.Module, documents: Documents) -> Row:
    """Validation loss (mean a document, nats) and accuracy (percent of all documents)."""
    values = logits(model, documents)
    labels = documents.labels.cpu().numpy()
    return {
        "validation_loss": scores.loss(values, labels),
        "validation_accuracy": scores.accuracy(values, labels),
    }
