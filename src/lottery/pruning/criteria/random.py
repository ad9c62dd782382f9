"""Any weights go, each as likely as another: what is left when magnitude says nothing."""

from collections.abc import Callable

import torch

from lottery.pruning.criterion import Criterion
from lottery.pruning.strategy import Weights


def _scores(weights: Weights, generator: Callable[[], torch.Generator]) -> Weights:
    own = generator()
    return {name: torch.rand(weights[name].shape, generator=own) for name in sorted(weights)}


CRITERION = Criterion(_scores)
