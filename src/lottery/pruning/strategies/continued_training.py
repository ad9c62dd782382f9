"""Weights continue from the level before; the schedule starts again (Renda et al. 2020, section 2).

This is learning-rate rewinding; at a constant learning rate it is fine-tuning for all epochs.
"""

from lottery.pruning.strategy import Dense, Start, Weights


def start(dense: Dense, level: int, trained: Weights) -> Start:
    """The trained weights, as level n - 1 left them."""
    return Start(trained, 0)
