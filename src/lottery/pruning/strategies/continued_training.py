"""Weights go on from the level before, the schedule starts again (Renda et al. 2020, section 2).

Learning-rate rewinding; under a constant rate it is fine-tuning for the full budget.
"""

from lottery.pruning.strategy import Start, Strategy

STRATEGY = Strategy(lambda dense, level, trained: Start(trained, 0))
