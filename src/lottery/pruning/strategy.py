"""A strategy says what the surviving weights are set to before a level trains, as data.

One module a strategy under ``strategies/``, each with one :class:`Strategy` named ``STRATEGY``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Dense:
    """What a chain may start from: the dense run of its seed."""

    init: Weights
    rewind: Weights
    rewind_epoch: int
    final: Weights
    fresh: Callable[[int], Weights]
    """A fresh draw from the initialiser for a level."""
    embedding: str
    """The name of the embedding among the weights."""


@dataclass(frozen=True)
class Start:
    """The state that a level trains from, and the epochs that this state has already had."""

    weights: Weights
    epoch: int


@dataclass(frozen=True)
class Strategy:
    """``start`` gives the state before level n >= 1 trains, of (dense run, n, the weights that
    level n - 1 ended with)."""

    start: Callable[[Dense, int, Weights], Start]
