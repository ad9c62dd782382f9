"""Student's t, Welch and equivalence, with SciPy; numbers that do not exist are NaN."""

import math
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

ALPHA = 0.05
ALIKE = 0.01
"""Values whose range is no more than this have no spread: points, or log2 of a share."""


class Mean(NamedTuple):
    """A mean difference with its standard error."""

    n: int
    effect: float
    error: float
    df: float


NONE = Mean(0, math.nan, math.nan, math.nan)


def of_pairs(differences: np.ndarray) -> Mean:
    """One difference per seed."""
    n = len(differences)
    if n == 0:
        return NONE
    effect = float(np.mean(differences))
    if n < 2 or max(differences) - min(differences) <= ALIKE:
        return Mean(n, effect, math.nan, math.nan)
    return Mean(n, effect, float(np.std(differences, ddof=1)) / math.sqrt(n), n - 1)


def welch(one: np.ndarray, other: np.ndarray) -> Mean:
    """Two groups of seeds, with variances of their own."""
    n = min(len(one), len(other))
    if n == 0:
        return NONE
    effect = float(np.mean(one) - np.mean(other))
    if n < 2 or max(max(group) - min(group) for group in (one, other)) <= ALIKE:
        return Mean(n, effect, math.nan, math.nan)
    a, b = (float(np.var(group, ddof=1)) / len(group) for group in (one, other))
    df = (a + b) ** 2 / (a**2 / (len(one) - 1) + b**2 / (len(other) - 1))
    return Mean(n, effect, math.sqrt(a + b), df)


def interval(mean: Mean, confidence: float) -> tuple[float, float]:
    """The t interval of the mean."""
    if math.isnan(mean.error):
        return math.nan, math.nan
    low, high = stats.t.interval(confidence, mean.df, loc=mean.effect, scale=mean.error)
    return float(low), float(high)


def p_two_sided(mean: Mean, null: float) -> float:
    """That the true mean is ``null``."""
    return float(2 * stats.t.cdf(-abs(mean.effect - null) / mean.error, mean.df))


def p_within(mean: Mean, margin: float) -> float:
    """That the true mean is ``margin`` or more from zero: two one-sided tests, the larger p."""
    above = stats.t.sf((mean.effect + margin) / mean.error, mean.df)
    below = stats.t.cdf((mean.effect - margin) / mean.error, mean.df)
    return float(max(above, below))


def detectable(mean: Mean, tests: int) -> float:
    """The distance from the null that a two-sided test at 0.05 / ``tests`` finds with power 0.8.

    The chance of finding it on the wrong side counts for nothing.
    """
    if math.isnan(mean.error):
        return math.nan
    critical = stats.t.ppf(1 - ALPHA / tests / 2, mean.df)

    def lacking(distance: float) -> float:
        return float(stats.nct.sf(critical, mean.df, distance)) - 0.8

    return mean.error * float(optimize.brentq(lacking, 0, 20 * critical, xtol=1e-12))


def finding(mean: Mean, test: str, margin: float, tests: int) -> str:
    """What a contrast shows at 0.05 / ``tests``."""
    if math.isnan(mean.error) or math.isnan(mean.df):
        return "undecided"
    null = -margin if test == "matching" else 0.0
    differs = p_two_sided(mean, null) * tests < ALPHA
    within = test == "difference" and p_within(mean, margin) * tests < ALPHA
    if differs and within:
        return "a difference smaller than the margin"
    if within:
        return "no difference beyond the margin"
    if differs:
        return "above" if mean.effect > null else "below"
    return "undecided"


def document_error(
    seed_variance: float, document_variance: float, residual: float, seeds: int, documents: int
) -> float:
    """The standard error over seeds and documents, never below that over seeds alone."""
    of_seeds = seed_variance / seeds
    both = of_seeds + document_variance / documents - residual / (seeds * documents)
    return math.sqrt(max(both, of_seeds))


def bootstrap(values: np.ndarray) -> tuple[float, float]:
    """The BCa interval of a mean, for ten values or more."""
    if len(values) < 10 or max(values) - min(values) <= ALIKE:
        return math.nan, math.nan
    result = stats.bootstrap((np.sort(values),), np.mean, rng=np.random.default_rng(0))
    return float(result.confidence_interval.low), float(result.confidence_interval.high)
