"""The smallest trained weights are pruned (Han et al. 2015; Frankle and Carbin 2019, section 1).

Which of two equal ones goes first is decided in :func:`lottery.pruning.masks.smallest`.
"""

from collections.abc import Callable

import torch

from lottery.pruning.strategy import Weights


def score(weights: Weights, generator: Callable[[], torch.Generator]) -> Weights:
    """The weights themselves."""
    return weights
