"""The training loop: Adam, batches of similar lengths, masks after every step."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

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
from lottery.training.progress import Epochs, State

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


class Diverged(LotteryError):
    """Training that left the numbers; ``level`` is where."""

    def __init__(self, plan: Plan, epoch: int, what: str) -> None:
        self.level = plan.level
        super().__init__(
            f"level {plan.level}, epoch {epoch + 1}: {what} is not finite (seed {plan.seed}, "
            f"learning rate {plan.lr}); choose a smaller train.<cell>.lr"
        )


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
    epochs: Epochs | None = None,
) -> list[Row]:
    """Train ``model`` in place with a fresh Adam; the masked weights stay exactly zero.

    ``masks`` are bool, one a parameter. ``after_epoch(epochs done, row)`` is called after each
    epoch, when the model holds that epoch's weights. With ``patience``, the state with the lowest
    validation loss is restored at the end. ``epochs`` keeps states on the way, and is asked first
    for one to go on from: ``after_epoch`` is not called for the epochs that it has had. Returns a
    row an epoch: epoch (epochs done, from the dense run's start), train_loss, validation_loss,
    validation_accuracy. Raises Diverged if the loss is no longer finite.
    """
    optimiser = optimisers.build(model, masks)
    rows: list[Row] = []
    best: dict[str, torch.Tensor] = {}
    kept = epochs.read() if epochs else None
    if kept:
        rows, best = _resume(kept, model, optimiser)
    for epoch in plan.epochs[len(rows) :]:
        train_loss = one_epoch(model, train_part, optimiser, plan, epoch)
        row = {"epoch": epoch + 1, "train_loss": train_loss, **evaluate(model, validation_part)}
        if not math.isfinite(row["validation_loss"]):
            raise Diverged(plan, epoch, "the validation loss")
        rows.append(row)
        after_epoch(epoch + 1, row)
        if plan.patience is not None:
            losses = [own["validation_loss"] for own in rows]
            lowest = losses.index(min(losses))
            if lowest == len(rows) - 1:
                best = {name: value.detach().clone() for name, value in model.named_parameters()}
            elif len(rows) - 1 - lowest >= plan.patience:
                break
        if epochs and epoch + 1 < plan.epochs.stop:
            epochs.keep(partial(_state, model, optimiser, rows, best))
    if best:
        load_weights(model, best)
    return rows


def _state(
    model: nn.Module, optimiser: Optimiser, rows: list[Row], best: Mapping[str, torch.Tensor]
) -> State:
    """All that the next epoch depends on: data order and dropout are functions of its number."""
    weights: dict[str, torch.Tensor] = dict(model.named_parameters())
    groups = {"weights": weights, "adam": optimiser.state(), "best": dict(best)}
    tensors = {f"{group}/{name}": own[name] for group, own in groups.items() for name in own}
    return State(tensors, {"rows": rows})


def _resume(
    kept: State, model: nn.Module, optimiser: Optimiser
) -> tuple[list[Row], dict[str, torch.Tensor]]:
    groups: dict[str, dict[str, torch.Tensor]] = {"weights": {}, "adam": {}, "best": {}}
    for name, value in kept.tensors.items():
        group, _, own = name.partition("/")
        groups[group][own] = value
    load_weights(model, groups["weights"])
    optimiser.restore(groups["adam"])
    return list(kept.facts["rows"]), groups["best"]


def one_epoch(
    model: nn.Module,
    documents: Documents,
    optimiser: Optimiser,
    plan: Plan,
    epoch: int,
) -> float:
    """One pass over the documents; returns the mean loss a document.

    Raises Diverged, with the first batch, if a loss is not finite.
    """
    device = documents.ids.device
    generator = seeds.torch_generator(plan.seed, "dropout", plan.level, epoch, device=device)
    dropout = dropout_from(generator, plan.dropout)
    order = batches.order(documents.lengths, plan.batch, plan.seed, epoch)
    numbers = torch.from_numpy(np.concatenate(order)).to(device)  # one transfer an epoch
    losses = torch.zeros(len(order), device=device)
    model.train()
    for step, index in enumerate(numbers.split([len(batch) for batch in order])):
        done = (epoch * len(order) + step) / (plan.total_epochs * len(order))
        longest = int(documents.lengths[order[step]].max())
        tokens, lengths = documents.batch(index, longest)
        logits = model(*optimiser.words(tokens), lengths, dropout)
        loss = _loss(logits, documents.labels[index])
        loss.backward()
        optimiser.step(plan.lr * SCHEDULES[plan.schedule](done))
        losses[step] = loss.detach()
    optimiser.finish()
    found = losses.cpu().double().numpy()  # one transfer an epoch
    if not np.isfinite(found).all():
        batch = int(np.isfinite(found).argmin())
        raise Diverged(plan, epoch, f"the loss of batch {batch + 1} of {len(order)}")
    return float(found @ [len(batch) for batch in order]) / len(documents)


def gradients(model: nn.Module, documents: Documents, plan: Plan) -> Weights:
    """The mean loss's gradient over the first batch of ``plan``, without dropout, on the CPU."""
    first = batches.order(documents.lengths, plan.batch, plan.seed, plan.epochs.start)[0]
    index = torch.from_numpy(first).to(documents.ids.device)
    tokens, lengths = documents.batch(index, int(documents.lengths[first].max()))
    words = optimisers.words(getattr(model, EMBEDDING), tokens)
    loss = _loss(model(*words, lengths, lambda values: values), documents.labels[index])
    named = dict(model.named_parameters())
    found = torch.autograd.grad(loss, list(named.values()))
    return {name: value.cpu() for name, value in zip(named, found, strict=True)}


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
