"""A fresh draw at each level, pruned along its own trajectory: the study's control."""

from lottery.pruning.strategy import Start, Strategy

STRATEGY = Strategy(lambda dense, level, trained: Start(dense.fresh(level), 0))
