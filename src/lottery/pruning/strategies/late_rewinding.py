"""Rewind to the weights after the first epochs (Frankle, Dziugaite, Roy and Carbin 2020).

The weights alone: Adam starts anew, with moments of zero, as at every level.
"""

from lottery.pruning.strategy import Dense, Start, Weights


def start(dense: Dense, level: int, trained: Weights) -> Start:
    """The dense run's weights after ``rewind.epoch`` epochs."""
    return Start(dense.rewind, dense.rewind_epoch)
