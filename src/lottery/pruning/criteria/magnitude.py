"""The smallest trained weights go (Han et al. 2015; Frankle and Carbin 2019, section 1)."""

from lottery.pruning.criterion import Criterion

CRITERION = Criterion(lambda weights, generator: weights)
