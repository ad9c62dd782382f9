"""Rewind to the initial weights (Frankle and Carbin 2019, section 1)."""

from lottery.pruning.strategy import Start, Strategy

STRATEGY = Strategy(lambda dense, level, trained: Start(dense.init, 0))
