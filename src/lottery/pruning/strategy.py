"""What a strategy is: the weights that the remaining ones are set to before a level trains.

One module per strategy under ``strategies/``, each with one function ``start(dense, level,
trained)``. It returns what level n >= 1 trains from, given the dense run and the weights that level
n - 1 ended with.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Dense:
    """What a pruning run may start from: the dense run of its seed."""

    init: Weights
    rewind: Weights
    rewind_epoch: int
    final: Weights
    """Those that are evaluated: with ``patience``, of the best epoch."""
    last: Weights
    """Those after the last epoch."""
    fresh: Callable[[int], Weights]
    """A fresh draw from the initializer for a level."""
    embedding: str
    """The name of the embedding among the weights."""


@dataclass(frozen=True)
class Start:
    """The weights that a level trains from, and the epochs of training that they already had."""

    weights: Weights
    epoch: int


Strategy = Callable[[Dense, int, Weights], Start]
