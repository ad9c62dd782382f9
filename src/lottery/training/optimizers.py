"""Adam with masks: PyTorch's on a GPU; on a CPU a kernel that touches only what a batch reads.

Each hands out the embeddings of a batch, and takes the step of all parameters at once.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lottery.kernels import lazy_adam, matmul
from lottery.kernels.distinct import distinct
from lottery.models import EMBEDDING

Embeddings = tuple[torch.Tensor, torch.Tensor]
"""The rows of the embedding that a batch reads, ``[rows, dim]``, and ``indices``: int64
``[documents, longest]``, each token's row among them."""


class Optimizer(Protocol):
    """A fresh Adam over a model's parameters; masked weights are exactly zero after each step."""

    def embeddings(self, tokens: torch.Tensor) -> Embeddings:
        """The rows of the embedding that ``tokens`` (int64 ``[documents, longest]``) read, as a
        tensor that collects a gradient, and each token's row among them."""

    def step(self, lr: float) -> None:
        """Step all parameters by their gradients, apply the masks, and drop the gradients."""

    def finish(self) -> None:
        """Bring all parameters up to date with the last step."""

    def state(self) -> dict[str, torch.Tensor]:
        """The moments and the number of steps, as of :meth:`finish`; not copies."""

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Resume from what :meth:`state` returned; the caller sets the parameters."""


def build(model: nn.Module, masks: Mapping[str, torch.Tensor]) -> Optimizer:
    """The optimizer for the model's device; applies ``masks`` (bool, on any device)."""
    named = dict(model.named_parameters())
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.mul_(masks[name].to(parameter.device))
    optimizer = LazyAdam if named[EMBEDDING].device.type == "cpu" else FusedAdam
    return optimizer(named, masks)


class FusedAdam:
    """PyTorch's fused Adam; the masks in one call over all parameters."""

    def __init__(
        self, named: Mapping[str, nn.Parameter], masks: Mapping[str, torch.Tensor]
    ) -> None:
        self._embedding = named[EMBEDDING]
        self._parameters: list[torch.Tensor] = list(named.values())
        # The declared types of _foreach_mul_ do not say that a factor may be a tensor.
        self._masks: list[Any] = [
            masks[name].to(value.device, value.dtype) for name, value in named.items()
        ]
        self._adam = torch.optim.Adam(self._parameters, fused=True)

    def embeddings(self, tokens: torch.Tensor) -> Embeddings:
        return self._embedding, tokens

    @torch.no_grad()
    def step(self, lr: float) -> None:
        self._adam.param_groups[0]["lr"] = lr
        self._adam.step()
        torch._foreach_mul_(self._parameters, self._masks)
        self._adam.zero_grad(set_to_none=True)

    def finish(self) -> None:
        pass

    def state(self) -> dict[str, torch.Tensor]:
        return {
            f"{number}.{key}": value
            for number, parameter in enumerate(self._parameters)
            for key, value in self._adam.state[parameter].items()
        }

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        for name, value in state.items():
            number, key = name.split(".")
            parameter = self._parameters[int(number)]
            self._adam.state[parameter][key] = value.to(parameter.device)


class LazyAdam:
    """Adam on the embedding's rows that a batch reads, and on the other parameters as a vector."""

    def __init__(
        self, named: Mapping[str, nn.Parameter], masks: Mapping[str, torch.Tensor]
    ) -> None:
        self._schedule = lazy_adam.Schedule()
        self._table = lazy_adam.LazyTable(named[EMBEDDING].data, masks[EMBEDDING], self._schedule)
        self._scratch = np.full(len(named[EMBEDDING]), -1)
        others = {name: value for name, value in named.items() if name != EMBEDDING}
        self._others = list(others.values())
        self._vector = torch.cat([value.detach().flatten() for value in self._others])
        self._mask = torch.cat([masks[name].flatten() for name in others])
        self._first = torch.zeros_like(self._vector)
        self._second = torch.zeros_like(self._vector)
        # The parameters become views of the vector, so that a step of it is a step of them.
        sizes = [value.numel() for value in self._others]
        for value, part in zip(self._others, self._vector.split(sizes), strict=True):
            value.data = part.view(value.shape)

    def embeddings(self, tokens: torch.Tensor) -> Embeddings:
        ids, indices = distinct(tokens, self._scratch)
        return self._table.read(ids), indices

    def step(self, lr: float) -> None:
        factor, correction = self._schedule.advance(lr)
        self._table.step(factor, correction)
        gradients = [value.grad for value in self._others if value.grad is not None]
        gradient = torch.cat([value.flatten() for value in gradients])
        moments = (self._first, self._second)
        lazy_adam.dense_step(self._vector, *moments, self._mask, gradient, factor, correction)
        for value in self._others:
            value.grad = None

    def finish(self) -> None:
        self._table.finish()

    def state(self) -> dict[str, torch.Tensor]:
        first, second = self._table.moments()
        return {
            "steps": torch.tensor(self._schedule.now),
            "rows.first": first,
            "rows.second": second,
            "first": self._first,
            "second": self._second,
        }

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        self._schedule.restart(int(state["steps"]))
        first, second = self._table.moments()
        first.copy_(state["rows.first"])
        second.copy_(state["rows.second"])
        self._first.copy_(state["first"])
        self._second.copy_(state["second"])
        self._table.mark_up_to_date()


def embeddings(embedding: torch.Tensor, tokens: torch.Tensor) -> Embeddings:
    """The rows of ``embedding`` that ``tokens`` (int64 ``[documents, longest]``) read, and each
    token's row among them; where no optimizer needs a gradient of the rows alone."""
    if embedding.device.type != "cpu":
        return embedding, tokens
    ids, indices = distinct(tokens, np.full(len(embedding), -1))
    padding = matmul.rounded(len(ids)) - len(ids)
    return F.pad(embedding[torch.from_numpy(ids)], (0, 0, 0, padding)), indices
