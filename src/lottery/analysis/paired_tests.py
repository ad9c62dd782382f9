"""Differences of test accuracy on the same seeds, and Student's t test of their mean.

A seed fixes the initial weights and the data order, so two arms on one seed share its luck and
their difference does not contain it. Every distribution is SciPy's or statsmodels'.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.power import TTestPower

from lottery.analysis.tidy import DENSE

ALPHA = 0.05
POWER = 0.8
_NO_SPREAD = 0.01
"""In points, or in log2 of the remaining share: a range this small is rounding, of whole documents
or of whole weights."""


class Estimate(NamedTuple):
    """A mean over seeds, its interval and its test; NaN where there are too few seeds."""

    n: int
    effect: float
    low: float
    high: float
    """``low`` to ``high`` is the 95 % t interval."""
    spread: float
    """The standard deviation over seeds."""
    p: float
    p_below: float
    """Of the one-sided test in the other direction: that the mean is below the null value."""


def accuracy_by_arm(curve: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The test accuracy (percent) of each arm, seed by level; ``dense`` has level 0 only.

    ``curve`` has arm, seed, level and test_accuracy. All pruning runs of a seed start from
    the same dense run, so a seed is in ``dense`` if it is in any of them.
    """
    wide = curve.pivot(index="seed", columns=["arm", "level"], values="test_accuracy")
    by_arm = {name: wide[name].sort_index(axis=1) for name in curve.arm.unique()}
    dense = curve[curve.level == 0].drop_duplicates("seed").set_index("seed")
    return {**by_arm, DENSE: dense[["test_accuracy"]].set_axis([0], axis=1)}


def sparsities(curve: pd.DataFrame) -> pd.Series:
    """The mean sparsity (a fraction) by arm and level."""
    return curve.groupby(["arm", "level"], sort=False).sparsity.mean()


def differences(of: pd.DataFrame, against: pd.DataFrame, levels: list[int]) -> pd.DataFrame:
    """``of`` minus ``against``, seed by level, on the seeds that have all ``levels`` in both.

    If ``against`` lacks one of the levels it is the dense run: then every level is compared with
    level 0.
    """
    other = against[levels] if set(levels) <= set(against.columns) else against[0]
    return of[levels].sub(other, axis=0).dropna()


def estimate(values: np.ndarray, null: float = 0.0, one_sided: bool = False) -> Estimate:
    """The mean of ``values`` with its interval, and the t test that the true mean is ``null``.

    ``one_sided`` tests only whether the true mean is greater. There is no test for one seed, which
    has no spread, nor for values that are all alike: accuracies count whole documents, so two or
    three seeds can agree by chance, and the t test would then be certain.
    """
    n = len(values)
    effect = float(np.mean(values)) if n else math.nan
    if not has_spread(values):
        return Estimate(n, effect, math.nan, math.nan, math.nan, math.nan, math.nan)
    low, high = interval(values)
    side = "greater" if one_sided else "two-sided"
    p = float(stats.ttest_1samp(values, null, alternative=side).pvalue)
    p_below = math.nan
    if one_sided:
        p_below = float(stats.ttest_1samp(values, null, alternative="less").pvalue)
    return Estimate(n, effect, low, high, float(np.std(values, ddof=1)), p, p_below)


def has_spread(values: np.ndarray) -> bool:
    """Whether at least two values differ by more than rounding."""
    return len(values) > 1 and float(np.ptp(values)) > _NO_SPREAD


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % t interval of the mean; NaN if the values have no spread."""
    if not has_spread(values):
        return math.nan, math.nan
    low, high = stats.t.interval(
        1 - ALPHA, len(values) - 1, loc=np.mean(values), scale=stats.sem(values)
    )
    return float(low), float(high)


def minimum_detectable_effect(spread: float, n: int, tests: int) -> float:
    """The smallest true mean that a two-sided t test at 0.05 / ``tests`` finds 8 times in 10.

    In the unit of ``spread``, the standard deviation over ``n`` seeds; NaN for fewer than two
    seeds or an unknown spread.
    """
    if n < 2 or math.isnan(spread):
        return math.nan
    return spread * _standardized_effect(n, ALPHA / tests)


@cache
def _standardized_effect(n: int, alpha: float) -> float:
    # One-sided at half the level. The other side is one in a million at this power, and with it
    # statsmodels 0.14.6 goes wrong: for 5 seeds and 0.05 / 40 it answers 3.16, whose power is
    # 0.45, where 4.51 is right.
    return float(
        TTestPower().solve_power(nobs=n, alpha=alpha / 2, power=POWER, alternative="larger")
    )
