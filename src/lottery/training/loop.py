"""The training loop: Adam, batches of similar lengths, masks after every step."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lottery.errors import LotteryError
from lottery.models import EMBEDDING, Weights
from lottery.training import batches, dropout, evaluation, optimizers, rng
from lottery.training.batches import BatchSize, Documents
from lottery.training.checkpointing import Checkpoint, EpochCheckpointer
from lottery.training.optimizers import Optimizer

EpochMetrics = dict[str, float]
"""One epoch: ``epoch`` (epochs done, from the dense run's start), ``train_loss`` and
``validation_loss`` (nats per document), ``validation_accuracy`` (percent)."""

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
}
"""The factor on the learning rate, from the share of all steps that are done."""


@dataclass(frozen=True)
class Plan:
    """How one level is trained. ``epochs`` are the numbers of the epochs, from 0: they decide the
    order of the data and the position in the schedule, which runs over ``total_epochs``.
    ``sequence`` is that of :func:`lottery.training.batches.order`."""

    seed: int
    level: int
    epochs: range
    total_epochs: int
    lr: float
    schedule: str
    batch: BatchSize
    dropout: float
    patience: int | None
    sequence: int = 0


AfterBatch = Callable[[Plan, int, int, int], object]
"""Called after each batch with the plan, the epoch's number, how many of its batches are done, and
how many it has. On a GPU, done means handed over."""


@dataclass(frozen=True)
class Callbacks:
    """What is called while a network trains; neither may change anything."""

    after_epoch: Callable[[EpochMetrics], object] = lambda metrics: None
    """Called when the model holds that epoch's weights."""
    after_batch: AfterBatch = lambda plan, epoch, batch, batches: None


class Diverged(LotteryError):
    """Training whose loss is no longer finite, at ``level``.

    :mod:`lottery.experiment.failures` says what becomes of the run.
    """

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
            shape = tuple(weights[name].shape) if name in weights else "missing"
            raise LotteryError(f"weights of {name}: {shape}, expected {tuple(parameter.shape)}")
        parameter.data.copy_(weights[name])


def copy_weights(model: nn.Module) -> Weights:
    """The model's parameters, copies on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.named_parameters()}


def train(
    model: nn.Module,
    splits: tuple[Documents, Documents],
    masks: Mapping[str, torch.Tensor],
    plan: Plan,
    callbacks: Callbacks = Callbacks(),
    checkpointer: EpochCheckpointer | None = None,
) -> list[EpochMetrics]:
    """The metrics of each epoch; trains ``model`` in place with a fresh Adam.

    ``splits`` are the training and validation documents. ``masks`` are bool, one per parameter;
    masked weights stay exactly zero. With ``patience``, the weights with the lowest validation
    loss are restored at the end. ``checkpointer`` saves epochs on the way; one that it has saved
    before is resumed from, and the ``callbacks`` are not called again for the epochs before it.
    Raises Diverged if the loss is no longer finite.
    """
    train_set, validation_set = splits
    optimizer = optimizers.build(model, masks)
    history: list[EpochMetrics] = []
    best: dict[str, torch.Tensor] = {}
    if checkpointer and (checkpoint := checkpointer.read()):
        history, best = _resume(checkpoint, model, optimizer)
    for epoch in plan.epochs[len(history) :]:
        train_loss = one_epoch(model, train_set, optimizer, plan, epoch, callbacks.after_batch)
        row = {
            "epoch": epoch + 1,
            "train_loss": train_loss,
            **evaluation.evaluate(model, validation_set),
        }
        if not math.isfinite(row["validation_loss"]):
            raise Diverged(plan, epoch, "the validation loss")
        history.append(row)
        callbacks.after_epoch(row)
        if plan.patience is not None:
            losses = [earlier["validation_loss"] for earlier in history]
            lowest = losses.index(min(losses))
            if lowest == len(history) - 1:
                best = {name: value.detach().clone() for name, value in model.named_parameters()}
            elif len(history) - 1 - lowest >= plan.patience:
                break
        if checkpointer and epoch + 1 < plan.epochs.stop:
            checkpointer.save(partial(_checkpoint, model, optimizer, history, best))
    if best:
        load_weights(model, best)
    return history


def _checkpoint(
    model: nn.Module,
    optimizer: Optimizer,
    history: list[EpochMetrics],
    best: Mapping[str, torch.Tensor],
) -> Checkpoint:
    """All that the next epoch depends on: data order and dropout are functions of its number."""
    weights: dict[str, torch.Tensor] = dict(model.named_parameters())
    groups = {"weights": weights, "adam": optimizer.state(), "best": dict(best)}
    tensors = {
        f"{group}/{name}": tensor
        for group, members in groups.items()
        for name, tensor in members.items()
    }
    return Checkpoint(tensors, {"history": history})


def _resume(
    checkpoint: Checkpoint, model: nn.Module, optimizer: Optimizer
) -> tuple[list[EpochMetrics], dict[str, torch.Tensor]]:
    """Set model and optimizer; returns the history and the best weights so far."""
    groups: dict[str, dict[str, torch.Tensor]] = {"weights": {}, "adam": {}, "best": {}}
    for name, value in checkpoint.tensors.items():
        group, _, parameter = name.partition("/")
        groups[group][parameter] = value
    load_weights(model, groups["weights"])
    optimizer.restore(groups["adam"])
    return list(checkpoint.metadata["history"]), groups["best"]


def one_epoch(
    model: nn.Module,
    documents: Documents,
    optimizer: Optimizer,
    plan: Plan,
    epoch: int,
    after_batch: AfterBatch = Callbacks.after_batch,
) -> float:
    """The mean loss per document in nats, after one pass over the documents.

    Raises Diverged, with the first batch, if a loss is not finite.
    """
    device = documents.ids.device
    generator = rng.torch_generator(plan.seed, "dropout", plan.level, epoch, device=device)
    drop = dropout.from_generator(generator, plan.dropout)
    order = batches.order(documents.lengths, plan.batch, plan.seed, epoch, plan.sequence)
    numbers = torch.from_numpy(np.concatenate(order)).to(device)  # one transfer per epoch
    losses = torch.zeros(len(order), device=device)
    model.train()
    for step, index in enumerate(numbers.split([len(batch) for batch in order])):
        done = (epoch * len(order) + step) / (plan.total_epochs * len(order))
        longest = int(documents.lengths[order[step]].max())
        tokens, lengths = documents.batch(index, longest)
        logits = model(*optimizer.embeddings(tokens), lengths, drop)
        loss = _loss(logits, documents.labels[index])
        loss.backward()
        optimizer.step(plan.lr * SCHEDULES[plan.schedule](done))
        losses[step] = loss.detach()
        after_batch(plan, epoch, step + 1, len(order))
    optimizer.finish()
    finite = np.isfinite(batch_losses := losses.cpu().double().numpy())  # one transfer per epoch
    if not finite.all():
        batch = int(finite.argmin())
        raise Diverged(plan, epoch, f"the loss of batch {batch + 1} of {len(order)}")
    return float(batch_losses @ [len(batch) for batch in order]) / len(documents)


def gradients(model: nn.Module, documents: Documents, plan: Plan) -> Weights:
    """The gradient of the mean loss over all ``documents``, without dropout, on the CPU.

    Added up over the batches of the first epoch of ``plan``, each weighted by its documents.
    """
    named = dict(model.named_parameters())
    sums = [torch.zeros_like(value) for value in named.values()]
    model.train()  # cuDNN's LSTM has no gradient otherwise
    for batch in batches.order(documents.lengths, plan.batch, plan.seed, plan.epochs.start):
        index = torch.from_numpy(batch).to(documents.ids.device)
        tokens, lengths = documents.batch(index, int(documents.lengths[batch].max()))
        embeddings = optimizers.embeddings(getattr(model, EMBEDDING), tokens)
        loss = _loss(model(*embeddings, lengths, dropout.none), documents.labels[index])
        share = len(batch) / len(documents)
        for total, value in zip(sums, torch.autograd.grad(loss, list(named.values())), strict=True):
            total.add_(value, alpha=share)
    return {name: total.cpu() for name, total in zip(named, sums, strict=True)}


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    return F.cross_entropy(logits, labels)
