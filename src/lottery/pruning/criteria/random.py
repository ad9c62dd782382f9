"""Random weights are pruned: a baseline that ignores what the weights are."""

from collections.abc import Callable

import torch

from lottery.pruning.strategy import Weights


def score(weights: Weights, generator: Callable[[], torch.Generator]) -> Weights:
    """Uniform draws, different at each level."""
    draws = generator()
    return {name: torch.rand(weights[name].shape, generator=draws) for name in sorted(weights)}
