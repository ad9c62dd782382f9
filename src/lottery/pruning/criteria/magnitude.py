"""The smallest trained weights are pruned (Han et al. 2015; Frankle and Carbin 2019, section 1)."""

from collections.abc import Callable

import torch

from lottery.pruning.strategy import Weights


def score(weights: Weights, generator: Callable[[], torch.Generator]) -> Weights:
    """The weights themselves."""
    return weights
