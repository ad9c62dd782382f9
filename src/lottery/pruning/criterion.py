"""A criterion says what each weight is worth before a level prunes: the smallest magnitudes go.

One module a criterion under ``criteria/``, each with one :class:`Criterion` named ``CRITERION``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from lottery.pruning.strategy import Weights


@dataclass(frozen=True)
class Criterion:
    """``scores`` gives tensors of the weights' shapes, of (trained weights, a function that makes
    this level's generator)."""

    scores: Callable[[Weights, Callable[[], torch.Generator]], Weights]
