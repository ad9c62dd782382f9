"""Rewind to the weights after the dense run's last epoch, and train for all epochs again.

This is what the 2020 study published as late rewinding in three of its four cells. With
``patience``, the last epoch is the one at which training stopped, not the best one.
"""

from lottery.pruning.strategy import Dense, Start, Weights


def start(dense: Dense, level: int, trained: Weights) -> Start:
    """The dense run's weights after its last epoch."""
    return Start(dense.last, 0)
