"""The training loop of many networks: what :mod:`lottery.training.loop` does, for all at once.

All train the same epoch at the same time. One that is rewound to epoch k joins there; one that
stops early, or diverges, leaves. So which networks compute together is a function of the group, and
a group that was interrupted ends with the same bytes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lottery.errors import LotteryError
from lottery.models import Weights
from lottery.training import rng
from lottery.training.batches import Documents
from lottery.training.checkpointing import EpochCheckpointer
from lottery.training.lockstep import evaluation, members, networks
from lottery.training.lockstep.dropout import Dropout
from lottery.training.lockstep.feed import Feed
from lottery.training.lockstep.members import Failed, Member
from lottery.training.lockstep.stack import Stack, State
from lottery.training.loop import SCHEDULES, EpochMetrics, Plan


@dataclass(frozen=True)
class Network:
    """What one network of a group starts from: the arguments of
    :func:`lottery.training.loop.train`."""

    weights: Mapping[str, torch.Tensor]
    masks: Mapping[str, torch.Tensor]
    plan: Plan
    splits: tuple[Documents, Documents]


@dataclass(frozen=True)
class Trained:
    """A network at its end: its weights, those after the last epoch (the same, or with patience
    maybe others), both on the CPU, and the metrics of each epoch."""

    weights: Weights
    last: Weights
    history: list[EpochMetrics]


AfterEpoch = Callable[[int, EpochMetrics, Mapping[str, torch.Tensor]], object]
"""Called with a network's number in the group, the epoch's metrics and the weights, which are on
the device and change afterwards. Not called for epochs that are resumed."""
AfterBatch = Callable[[Sequence[int], int, int, int], object]
"""Called with the numbers of the networks that train, the epoch's number, how many of its batches
are done, and how many it has. On a GPU, done means handed over."""


@dataclass(frozen=True)
class Callbacks:
    """What is called while a group trains; neither may change anything."""

    after_epoch: AfterEpoch = lambda number, metrics, weights: None
    after_batch: AfterBatch = lambda numbers, epoch, batch, batches: None


def train(
    model: nn.Module,
    group: Sequence[Network],
    callbacks: Callbacks = Callbacks(),
    checkpointer: EpochCheckpointer | None = None,
) -> list[Trained | Failed]:
    """Each network at its end, or where it diverged.

    ``model`` has the networks' sizes, precision and device; it is not changed. ``checkpointer``
    saves epochs of the whole group on the way; one that it has saved before is resumed from.
    Raises LotteryError for networks that cannot train together: plans may differ in the seed, the
    level and the first epoch, and batches in their documents, but not in how many these are.
    """
    last = _end(group)
    first = min(network.plan.epochs.start for network in group)
    starts = [network.weights for network in group]
    everyone = [Member(State.fresh(weights)) for weights in starts]
    if checkpointer and (saved := checkpointer.read()):
        first, everyone = members.resume(saved, starts)
    cohort: Cohort | None = None
    for epoch in range(first, last):
        numbers = [
            number
            for number in _by_first_epoch(group)
            if epoch in group[number].plan.epochs and not everyone[number].ended
        ]
        if not numbers:
            continue
        if cohort is None or cohort.numbers != numbers:
            cohort = Cohort(model, group, everyone, numbers)
        cohort.epoch(epoch, callbacks)
        if checkpointer and epoch + 1 < last:
            checkpointer.save(partial(members.checkpoint, everyone, epoch + 1))
    return [member.failure or _trained(member) for member in everyone]


class Cohort:
    """The networks of a group, by their ``numbers``, that train an epoch together.

    While they do, the tensors of their members' states are views of the stack.
    """

    def __init__(
        self,
        model: nn.Module,
        group: Sequence[Network],
        everyone: Sequence[Member],
        numbers: list[int],
    ) -> None:
        self.numbers = numbers
        self._model, self._forward = model, networks.forward_of(model)
        self._plans = [group[number].plan for number in numbers]
        self._members = [everyone[number] for number in numbers]
        device = next(model.parameters()).device
        states = [member.state for member in self._members]
        self._stack = Stack(states, [group[number].masks for number in numbers], device)
        self._train_set, self._validation_set = (
            Feed([group[number].splits[which] for number in numbers], device) for which in (0, 1)
        )
        self._refer_to_stack()

    def epoch(self, epoch: int, callbacks: Callbacks) -> None:
        """Train an epoch, and note it with each member; those that diverged or stopped have ended,
        and their states are on the CPU."""
        losses, failures = self.train(epoch, callbacks.after_batch)
        logits = evaluation.logits(self._model, self._stack.weights, self._validation_set)
        self._refer_to_stack()
        for row, (number, member) in enumerate(zip(self.numbers, self._members, strict=True)):
            if failures[row]:
                member.failure = Failed(epoch, failures[row])
            else:
                scores = evaluation.scores(logits[row], self._validation_set.splits[row])
                metrics = {"epoch": epoch + 1, "train_loss": losses[row], **scores}
                self._note(number, member, metrics, callbacks.after_epoch)
            if member.ended:
                member.state = member.state.on_cpu()

    def _note(
        self, number: int, member: Member, metrics: EpochMetrics, after_epoch: AfterEpoch
    ) -> None:
        if not math.isfinite(metrics["validation_loss"]):
            member.failure = Failed(int(metrics["epoch"]) - 1, "the validation loss")
            return
        member.note_epoch(metrics, self._plans[0].patience)
        after_epoch(number, metrics, member.state.weights)

    def _refer_to_stack(self) -> None:
        for row, member in enumerate(self._members):
            member.state = self._stack.state(row)

    def train(
        self, epoch: int, after_batch: AfterBatch = Callbacks.after_batch
    ) -> tuple[list[float], list[str]]:
        """One pass over the documents: each network's mean loss per document, in nats, and what of
        it is not finite, if any."""
        plan, device = self._plans[0], self._stack.device
        generators = [
            rng.torch_generator(each.seed, "dropout", each.level, epoch, device=device)
            for each in self._plans
        ]
        dropout = Dropout(generators, plan.dropout)
        order = self._train_set.epoch(self._plans, epoch)
        losses = torch.zeros(len(order), len(self._stack), device=device)
        for step, index in enumerate(order):
            done = (epoch * len(order) + step) / (plan.total_epochs * len(order))
            batch = self._train_set.batch(index)
            logits = self._forward(self._model, self._stack.weights, batch, dropout)
            loss = _losses(logits, batch.labels)
            loss.sum().backward()
            self._stack.step(plan.lr * SCHEDULES[plan.schedule](done))
            losses[step] = loss.detach()
            after_batch(self.numbers, epoch, step + 1, len(order))
        by_batch = losses.cpu().double().numpy()  # one transfer per epoch
        sizes = np.array([len(index[0]) for index in order])
        means = sizes @ by_batch / sizes.sum()
        finite = np.isfinite(by_batch)
        failures = [
            "" if column.all() else f"the loss of batch {column.argmin() + 1} of {len(order)}"
            for column in finite.T
        ]
        return [float(mean) for mean in means], failures


def _by_first_epoch(group: Sequence[Network]) -> list[int]:
    """The numbers of the networks; those that start in the same epoch are neighbors."""
    return sorted(range(len(group)), key=lambda number: group[number].plan.epochs.start)


def _end(group: Sequence[Network]) -> int:
    """The epoch before which the training of all ends. Raises LotteryError if plans differ."""
    alike = [
        replace(network.plan, seed=0, level=0, epochs=range(network.plan.epochs.stop))
        for network in group
    ]
    if any(plan != alike[0] for plan in alike):
        raise LotteryError("plans that differ in more than seed, level and first epoch")
    return group[0].plan.epochs.stop


def _losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean loss of each network's documents, in nats: ``[networks]``."""
    if logits.shape[2] == 1:
        values = F.binary_cross_entropy_with_logits(
            logits[..., 0], labels.to(logits.dtype), reduction="none"
        )
    else:
        # Flat: with more axes, a GPU's result would not repeat.
        flat = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        values = flat.view(labels.shape)
    return values.mean(1)


def _trained(member: Member) -> Trained:
    last, history = member.state.on_cpu().weights, member.history
    best = {name: value.cpu() for name, value in member.best.items()}
    return Trained(best or dict(last), dict(last), history)
