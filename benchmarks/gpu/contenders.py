"""Who trains on a GPU: each a function that trains one pass at each call, on its documents.

The others' batches are on the card beforehand; the library looks up its own.
"""

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.cells import Cell
from benchmarks.contenders import ours, plain, study
from lottery import models
from lottery.experiment import replicate
from lottery.pruning import masks
from lottery.training import device, loop, optimizers
from lottery.training.batches import Documents
from lottery.training.lockstep.loop import Cohort, Network
from lottery.training.lockstep.members import Member
from lottery.training.lockstep.stack import State
from lottery.training.loop import Plan

SEEDS = 5
"""Networks of a group have these many seeds, and so as many streams of batches at most."""
Train = Callable[[], object]


@dataclass(frozen=True)
class Contender:
    """``kind`` is ``study``, ``plain``, ``single``, ``processes`` or ``lockstep``; ``precision`` is
    the library's, for the last three."""

    kind: str
    networks: int = 1
    precision: str = "tf32"

    @property
    def name(self) -> str:
        """How results name it."""
        if self.kind in ("study", "plain"):
            return self.kind
        return f"{self.kind} {self.networks} {self.precision}"

    def settings(self, target: str) -> None:
        """The settings of this process; those of PyTorch by itself for code that is not ours."""
        device.prepare(target, 1, self.precision)
        if self.kind in ("study", "plain"):
            torch.set_deterministic_debug_mode("default")
            torch.backends.cudnn.allow_tf32 = True
            torch.backends.cuda.matmul.allow_tf32 = False

    def load(self, cell: Cell, documents: Documents, target: str) -> Train:
        """A function that trains one more pass at each call."""
        if self.kind == "processes":
            return Processes(self, cell, documents, target)
        self.settings(target)
        if self.kind == "study":
            return _study(cell, documents, torch.device(target))
        if self.kind == "plain":
            return _plain(cell, documents, torch.device(target))
        network = cell.network()
        network.precision = device.DTYPES[self.precision]
        network.to(target)
        if self.kind == "single":
            return _single(cell, network, documents)
        return _lockstep(cell, network, documents, self.networks)


def _study(cell: Cell, documents: Documents, target: torch.device) -> Train:
    """The 2020 procedure on a GPU: masks are NumPy's, so each gradient goes to the CPU and back."""
    kinds = {"cnn": study.CNN, "lstm": study.LSTM}
    model = kinds[cell.model](cell.rows, models.outputs(cell.classes)).to(target)
    ones = [np.ones(tuple(value.shape), np.float32) for value in model.parameters()]
    optimizer = torch.optim.Adam(model.parameters(), lr=cell.lr)
    loader = list(plain.data(documents, 0))

    def train() -> float:
        total = 0.0
        for tokens, lengths, labels in loader:
            optimizer.zero_grad()
            logits = model(tokens.to(target), lengths)
            loss = _loss(logits, labels.to(target))
            loss.backward()
            for parameter, mask in zip(model.parameters(), ones, strict=True):
                assert parameter.grad is not None
                gradient = np.where(mask == 0, 0, parameter.grad.cpu().numpy())
                parameter.grad.data = torch.from_numpy(gradient).to(target)
            optimizer.step()
            total += loss.item()
        return total

    return train


def _plain(cell: Cell, documents: Documents, target: torch.device) -> Train:
    """cuDNN, fused Adam, and masks on the device."""
    model = plain.network(cell, dict(cell.network().named_parameters()), 0.5).to(target)
    ones = [torch.ones_like(value) for value in model.parameters()]
    optimizer = torch.optim.Adam(model.parameters(), lr=cell.lr, fused=True)
    loader: Any = list(_moved(cell, plain.data(documents, 0), target))
    return lambda: plain.train(model, loader, optimizer, ones)


def plain_epochs(
    cell: Cell, init: models.Weights, documents: Documents, plan: Plan, target: str
) -> models.Weights:
    """The weights of plain PyTorch's network after the epochs of ``plan``, by the library's names
    and on the CPU."""
    torch.manual_seed(plan.seed)
    model = plain.network(cell, init, plan.dropout).to(target)
    ones = [torch.ones_like(value) for value in model.parameters()]
    optimizer = torch.optim.Adam(model.parameters(), lr=plan.lr, fused=True)
    loader = plain.data(documents, plan.seed)
    for _ in plan.epochs:
        plain.train(model, _moved(cell, loader, torch.device(target)), optimizer, ones)
    return plain.library_weights(model.cpu())


def _moved(cell: Cell, loader: Any, target: torch.device) -> Any:
    """The batches of ``loader`` on the device; lengths where packing wants them, on the CPU."""
    where = torch.device("cpu") if cell.model == "lstm" else target
    return (
        (tokens.to(target), lengths.to(where), labels.to(target))
        for tokens, lengths, labels in loader
    )


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    return F.cross_entropy(logits, labels)


def _dense(network: nn.Module) -> dict[str, torch.Tensor]:
    return masks.at_level(replicate.pruned_at_dense(dict(network.named_parameters())), 0)


def _single(cell: Cell, network: nn.Module, documents: Documents) -> Train:
    """The library's loop of one network."""
    target = next(network.parameters()).device
    documents = on_device(documents, target)
    optimizer, plan, epochs = optimizers.build(network, _dense(network)), ours.plan(cell), count()
    return lambda: loop.one_epoch(network, documents, optimizer, plan, next(epochs))


def _lockstep(cell: Cell, network: nn.Module, documents: Documents, networks: int) -> Train:
    """The library's loop of many networks: arms of five seeds."""
    weights = {name: value.detach() for name, value in network.named_parameters()}
    group = [
        Network(
            weights,
            _dense(network),
            ours.plan(cell, seed=number % SEEDS, level=number // SEEDS),
            (documents, documents),
        )
        for number in range(networks)
    ]
    members = [Member(State.fresh(weights)) for _ in group]
    cohort, epochs = Cohort(network, group, members, list(range(networks))), count()
    return lambda: cohort.train(next(epochs))


def on_device(documents: Documents, target: torch.device) -> Documents:
    """The documents with their tensors there."""
    tensors = (documents.ids, documents.starts, documents.sizes, documents.labels)
    return Documents(*(tensor.to(target) for tensor in tensors), lengths=documents.lengths)


class Processes:
    """Processes of one network each: a function that trains one more pass in each at each call."""

    def __init__(self, contender: Contender, cell: Cell, documents: Documents, target: str) -> None:
        one = replace(contender, kind="single", networks=1)
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        for _ in range(contender.networks):
            pipe, theirs = context.Pipe()
            arguments = (theirs, one, cell, documents, target)
            context.Process(target=_serve, args=arguments, daemon=True).start()
            self._pipes.append(pipe)
        for pipe in self._pipes:
            pipe.recv()

    def __call__(self) -> None:
        """Train one pass in each process."""
        for pipe in self._pipes:
            pipe.send(True)
        for pipe in self._pipes:
            pipe.recv()

    def close(self) -> None:
        """End the processes."""
        for pipe in self._pipes:
            pipe.send(False)


def _serve(
    pipe: Connection, contender: Contender, cell: Cell, documents: Documents, target: str
) -> None:
    train = contender.load(cell, documents, target)
    train()
    pipe.send("ready")
    while pipe.recv():
        train()
        if target == "cuda":
            torch.cuda.synchronize()
        pipe.send("done")
