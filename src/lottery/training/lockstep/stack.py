"""Weights, masks and Adam's moments of many networks, one tensor ``[networks, ...]`` each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.optim.adam import adam

from lottery.kernels.lazy_adam import BETA1, BETA2, EPSILON

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class State:
    """What of one network changes from step to step: its weights, Adam's moments (none before the
    first step), and how many steps it took."""

    weights: Tensors
    first: Tensors
    second: Tensors
    steps: int

    @classmethod
    def fresh(cls, weights: Tensors) -> "State":
        """Before the first step."""
        return cls(weights, {}, {}, 0)

    def on_cpu(self) -> "State":
        """A copy on the CPU."""

        def copies(tensors: Tensors) -> Tensors:
            return {name: value.cpu().clone() for name, value in tensors.items()}

        return State(copies(self.weights), copies(self.first), copies(self.second), self.steps)


class Stack:
    """Networks that are trained together; masked weights are exactly zero after each step.

    ``weights`` collect a gradient each. Networks with equally many steps are best side by side.
    """

    def __init__(
        self, states: Sequence[State], masks: Sequence[Tensors], device: torch.device
    ) -> None:
        names = list(states[0].weights)
        zeros = {name: torch.zeros_like(value) for name, value in states[0].weights.items()}

        def stacked(networks: Sequence[Tensors]) -> dict[str, torch.Tensor]:
            return {
                name: torch.stack([network[name].detach().to(device) for network in networks])
                for name in names
            }

        self.device = device
        self.weights = stacked([state.weights for state in states])
        self._first = stacked([state.first or zeros for state in states])
        self._second = stacked([state.second or zeros for state in states])
        self._masks = stacked(masks)
        self._steps = [state.steps for state in states]
        # Adam's correction of a moment depends on the number of steps: as far as neighbors have
        # equally many, they are one tensor for it.
        self._runs = list(_runs(self._steps))
        self._counters = [
            torch.tensor(float(self._steps[run.start]), device=device)
            for run in self._runs
            for _ in names
        ]
        self._apply_masks()
        for value in self.weights.values():
            value.requires_grad_()

    def __len__(self) -> int:
        return len(self._steps)

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Adam's step on all networks by their gradients, which are dropped; then the masks."""
        gradients = {
            name: value.grad for name, value in self.weights.items() if value.grad is not None
        }

        def parts(tensors: Tensors) -> list[torch.Tensor]:
            return [tensors[name][run] for run in self._runs for name in self.weights]

        adam(
            parts(self.weights), parts(gradients), parts(self._first), parts(self._second), [],
            self._counters, fused=True, amsgrad=False, beta1=BETA1, beta2=BETA2, lr=lr,
            weight_decay=0.0, eps=EPSILON, maximize=False,
        )  # fmt: skip
        self._steps = [steps + 1 for steps in self._steps]
        self._apply_masks()
        for value in self.weights.values():
            value.grad = None

    @torch.no_grad()
    def _apply_masks(self) -> None:
        for name, value in self.weights.items():
            value.mul_(self._masks[name])

    def state(self, number: int) -> State:
        """The state of one network; its tensors share memory with the stack."""

        def views(tensors: Tensors) -> Tensors:
            return {name: value.detach()[number] for name, value in tensors.items()}

        steps = self._steps[number]
        return State(views(self.weights), views(self._first), views(self._second), steps)


def _runs(steps: Sequence[int]) -> Iterator[slice]:
    """The slices of neighbors with equal ``steps``."""
    start = 0
    for end in range(1, len(steps) + 1):
        if end == len(steps) or steps[end] != steps[start]:
            yield slice(start, end)
            start = end
