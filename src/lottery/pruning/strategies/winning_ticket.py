"""Rewind to the initial weights (Frankle and Carbin 2019, section 1)."""

from lottery.pruning.strategy import Dense, Start, Weights


def start(dense: Dense, level: int, trained: Weights) -> Start:
    """The initial weights."""
    return Start(dense.init, 0)
