"""Fresh random weights at each level, pruned by what they were trained to: the study's control."""

from lottery.pruning.strategy import Dense, Start, Weights


def start(dense: Dense, level: int, trained: Weights) -> Start:
    """A fresh draw from the initializer."""
    return Start(dense.fresh(level), 0)
