"""Figures to look at, without verdicts: every level with its interval, every seed's own ticket."""

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lottery.analysis.paired import DENSE, arms, has_spread, interval, sparsities
from lottery.analysis.select import VALIDATION_COLUMNS, choose_level

LEVELS = [
    *("cell", "strategy", "level", "sparsity", "n", "accuracy", "low", "high"),
    *("bootstrap_low", "bootstrap_high", "difference", "difference_low", "difference_high"),
]
PER_SEED = ["cell", "strategy", "seed", "level", "sparsity", "test_accuracy", "difference"]
_BOOTSTRAP_FROM = 10
"""Seeds; resampling fewer gives intervals that are too short."""


def levels(curves: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Test accuracy (percent) at each level, over seeds: :data:`LEVELS`.

    ``low`` and ``high`` are the 95 % t interval of the mean, ``bootstrap_*`` the bootstrap's (BCa)
    from ten seeds on; ``difference`` (points) is to dense on the same seeds, with its t interval.
    NaN for an interval without spread. ``sparsity`` is a fraction.
    """
    rows: list[dict[str, Any]] = []
    for cell, curve in curves.items():
        if curve.empty:
            continue
        tables = arms(curve)
        for (strategy, level), sparsity in sparsities(curve).items():
            place = {"cell": cell, "strategy": strategy, "level": level, "sparsity": sparsity}
            rows.append(place | _level(tables[strategy], tables[DENSE], level))
    return pd.DataFrame(rows, columns=LEVELS)


def _level(table: pd.DataFrame, dense: pd.DataFrame, level: int) -> dict[str, Any]:
    values = table[level].dropna().to_numpy()
    lost = table[level].sub(dense[0]).dropna().to_numpy()
    low, high = interval(values)
    bootstrap_low, bootstrap_high = _bootstrap(values)
    difference_low, difference_high = interval(lost)
    return {
        "n": len(values),
        "accuracy": float(values.mean()) if len(values) else math.nan,
        "low": low,
        "high": high,
        "bootstrap_low": bootstrap_low,
        "bootstrap_high": bootstrap_high,
        "difference": float(lost.mean()) if len(lost) else math.nan,
        "difference_low": difference_low,
        "difference_high": difference_high,
    }


def _bootstrap(values: np.ndarray) -> tuple[float, float]:
    if len(values) < _BOOTSTRAP_FROM or not has_spread(values):
        return math.nan, math.nan
    # A seed of its own, so that the same accuracies give the same bytes.
    found = stats.bootstrap((np.sort(values),), np.mean, rng=np.random.default_rng(0))
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def per_seed_tickets(curves: dict[str, pd.DataFrame], tolerance: float) -> pd.DataFrame:
    """The ticket that each seed by itself would choose on validation: :data:`PER_SEED`.

    The rule is :func:`lottery.analysis.select.choose_level`'s. Where no level passes, the dense
    network itself is the sparsest that matches: level 0, sparsity 0. Accuracy in percent,
    ``difference`` to dense in points. Controls are not chains and choose none. Raises ValueError,
    as the rule does, if a chain lacks a level.
    """
    rows = []
    for cell, curve in curves.items():
        if curve.empty:
            continue
        chains = set(curve.loc[curve.level == 0, "strategy"])
        for (strategy, seed), own in curve.groupby(["strategy", "seed"], sort=False):
            if strategy not in chains:
                continue
            level = choose_level(own[VALIDATION_COLUMNS], tolerance) or 0
            by_level = own.set_index("level")
            ticket = by_level.loc[level]
            lost = ticket.test_accuracy - by_level.test_accuracy[0]
            rows.append((cell, strategy, seed, level, ticket.sparsity, ticket.test_accuracy, lost))
    return pd.DataFrame(rows, columns=PER_SEED)
