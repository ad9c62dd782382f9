"""Adam with masks: PyTorch's on a GPU; on a CPU a kernel that touches only what a batch reads.

Both give a training step the words of its batch, and take the step for all parameters at once.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lottery.kernels import products, rows
from lottery.models import EMBEDDING

Words = tuple[torch.Tensor, torch.Tensor]
"""Rows of the embedding ``[n, dim]``, and int64 ``[documents, longest]``: each token's row."""


class Optimiser(Protocol):
    """A fresh Adam over a model's parameters; masked weights are exactly zero after each step."""

    def words(self, tokens: torch.Tensor) -> Words:
        """What the model reads of the embedding for ``tokens``, collecting a gradient."""

    def step(self, lr: float) -> None:
        """One step of all parameters by their gradients, which are dropped; then the masks."""

    def finish(self) -> None:
        """Leave all parameters as they are after the last step."""

    def state(self) -> dict[str, torch.Tensor]:
        """The moments and the number of steps, after :meth:`finish`; not copies."""

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from what :meth:`state` gave; the parameters are set by the caller."""


def build(model: nn.Module, masks: Mapping[str, torch.Tensor]) -> Optimiser:
    """The optimiser for the model's device; applies ``masks`` (bool, on any device)."""
    named = dict(model.named_parameters())
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.mul_(masks[name].to(parameter.device))
    kind = Rowwise if named[EMBEDDING].device.type == "cpu" else Fused
    return kind(named, masks)


class Fused:
    """PyTorch's fused Adam; the masks in one call over all parameters."""

    def __init__(
        self, named: Mapping[str, nn.Parameter], masks: Mapping[str, torch.Tensor]
    ) -> None:
        self._embedding = named[EMBEDDING]
        self._parameters: list[torch.Tensor] = list(named.values())
        # What a factor may be is not in the declared types of _foreach_mul_: a tensor each.
        self._factors: list[Any] = [
            masks[name].to(value.device, value.dtype) for name, value in named.items()
        ]
        self._adam = torch.optim.Adam(self._parameters, fused=True)

    def words(self, tokens: torch.Tensor) -> Words:
        return self._embedding, tokens

    @torch.no_grad()
    def step(self, lr: float) -> None:
        self._adam.param_groups[0]["lr"] = lr
        self._adam.step()
        torch._foreach_mul_(self._parameters, self._factors)
        self._adam.zero_grad(set_to_none=True)

    def finish(self) -> None:
        pass

    def state(self) -> dict[str, torch.Tensor]:
        found = {}
        for number, parameter in enumerate(self._parameters):
            for key, value in self._adam.state[parameter].items():
                found[f"{number}.{key}"] = value
        return found

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        for name, value in state.items():
            number, key = name.split(".")
            parameter = self._parameters[int(number)]
            self._adam.state[parameter][key] = value.to(parameter.device)


class Rowwise:
    """Adam on the embedding's rows that a batch reads, and on the other parameters as a vector."""

    def __init__(
        self, named: Mapping[str, nn.Parameter], masks: Mapping[str, torch.Tensor]
    ) -> None:
        self._schedule = rows.Schedule()
        self._rows = rows.Rows(named[EMBEDDING].data, masks[EMBEDDING], self._schedule)
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

    def words(self, tokens: torch.Tensor) -> Words:
        ids, places = rows.distinct(tokens, self._scratch)
        return self._rows.read(ids), places

    def step(self, lr: float) -> None:
        factor, correction = self._schedule.advance(lr)
        self._rows.step(factor, correction)
        gradients = [value.grad for value in self._others if value.grad is not None]
        gradient = torch.cat([value.flatten() for value in gradients])
        moments = (self._first, self._second, self._mask)
        rows.update(self._vector, *moments, gradient, factor, correction)
        for value in self._others:
            value.grad = None

    def finish(self) -> None:
        self._rows.finish()

    def state(self) -> dict[str, torch.Tensor]:
        first, second = self._rows.moments()
        return {
            "steps": torch.tensor(self._schedule.now),
            "rows.first": first,
            "rows.second": second,
            "first": self._first,
            "second": self._second,
        }

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        self._schedule.restart(int(state["steps"]))
        first, second = self._rows.moments()
        for own, kept in (
            (first, state["rows.first"]),
            (second, state["rows.second"]),
            (self._first, state["first"]),
            (self._second, state["second"]),
        ):
            own.copy_(kept)
        self._rows.up_to_date()


def words(embedding: torch.Tensor, tokens: torch.Tensor) -> Words:
    """As :meth:`Optimiser.words`, where no gradient is wanted."""
    if embedding.device.type != "cpu":
        return embedding, tokens
    ids, places = rows.distinct(tokens, np.full(len(embedding), -1))
    below = products.rounded(len(ids)) - len(ids)
    return F.pad(embedding[torch.from_numpy(ids)], (0, 0, 0, below)), places
