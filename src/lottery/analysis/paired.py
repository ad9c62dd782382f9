"""The same seeds twice: differences of test accuracy, and what Student's t says of their mean.

A seed fixes the initial weights and the order of data, so two strategies on one seed share its
luck; the difference does not. Every distribution is SciPy's or statsmodels', none is ours.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.power import TTestPower

DENSE = "dense"
ALPHA = 0.05
POWER = 0.8
_NO_SPREAD = 0.01
"""Points, or octaves of the share kept: a range this small is rounding, of documents or weights."""


class Estimate(NamedTuple):
    """A mean over seeds; NaN for what the seeds cannot say."""

    n: int
    effect: float
    low: float
    high: float
    """The 95 % t interval."""
    spread: float
    """The standard deviation over seeds."""
    p: float
    p_below: float
    """Of a one-sided test the other way: that the mean is below the null value."""


def arms(curve: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Each strategy's test accuracy in percent: seed by level; ``dense`` has level 0 only.

    ``curve`` has strategy, seed, level, test_accuracy. The dense run of a seed is one and the
    same in every chain, so it is there if any chain of that seed is.
    """
    wide = curve.pivot(index="seed", columns=["strategy", "level"], values="test_accuracy")
    found = {name: wide[name].sort_index(axis=1) for name in curve.strategy.unique()}
    dense = curve[curve.level == 0].drop_duplicates("seed").set_index("seed")
    return {**found, DENSE: dense[["test_accuracy"]].set_axis([0], axis=1)}


def sparsities(curve: pd.DataFrame) -> pd.Series:
    """The mean sparsity (fraction) by strategy and level."""
    return curve.groupby(["strategy", "level"], sort=False).sparsity.mean()


def differences(of: pd.DataFrame, against: pd.DataFrame, levels: list[int]) -> pd.DataFrame:
    """``of`` minus ``against``, seed by level, on the seeds that have all ``levels`` in both.

    Against the dense run, which is level 0 alone, every level is compared with that.
    """
    other = against[levels] if set(levels) <= set(against.columns) else against[0]
    return of[levels].sub(other, axis=0).dropna()


def estimate(values: np.ndarray, null: float = 0.0, one_sided: bool = False) -> Estimate:
    """The mean of ``values`` with its interval, and the t test that the true mean is ``null``.

    ``one_sided`` asks for more than ``null`` only. One seed has no spread, nor have differences
    that are all alike: a test set counts whole documents, so two or three seeds can agree by
    chance, and the t test would then be certain. Neither is tested.
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
    """Whether there are two values that differ by more than rounding."""
    return len(values) > 1 and float(np.ptp(values)) > _NO_SPREAD


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % t interval of the mean; NaN without a spread."""
    if not has_spread(values):
        return math.nan, math.nan
    low, high = stats.t.interval(
        1 - ALPHA, len(values) - 1, loc=np.mean(values), scale=stats.sem(values)
    )
    return float(low), float(high)


def detectable(spread: float, n: int, tests: int) -> float:
    """The smallest true mean that a two-sided t test at 0.05 / ``tests`` finds 8 times in 10.

    In the unit of ``spread``; NaN for fewer than two seeds or an unknown spread.
    """
    return math.nan if n < 2 or math.isnan(spread) else spread * _standardised(n, ALPHA / tests)


@cache
def _standardised(n: int, alpha: float) -> float:
    # One-sided at half the level. The other side is one in a million at this power, and with it
    # statsmodels 0.14.6 loses its way: for 5 seeds and 0.05 / 40 it answers 3.16, whose power is
    # 0.45, where 4.51 is right.
    found = TTestPower().solve_power(nobs=n, alpha=alpha / 2, power=POWER, alternative="larger")
    return float(found)
