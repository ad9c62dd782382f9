"""Rewind to the weights after the first epochs (Frankle, Dziugaite, Roy and Carbin 2020)."""

from lottery.pruning.strategy import Start, Strategy

STRATEGY = Strategy(lambda dense, level, trained: Start(dense.rewind, dense.rewind_epoch))
