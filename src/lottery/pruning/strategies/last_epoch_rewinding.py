"""Rewind to the weights after the dense run's last epoch, and train for the full budget again.

What the study's published late-rewinding rows are in three of its four cells.
"""

from lottery.pruning.strategy import Start, Strategy

STRATEGY = Strategy(lambda dense, level, trained: Start(dense.final, 0))
