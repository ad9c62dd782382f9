"""Estimates without verdicts: every level with its interval, and the ticket of each seed alone."""

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lottery.analysis import accuracies
from lottery.analysis.majority import why_no_ticket
from lottery.analysis.t_tests import has_spread, interval_of_mean
from lottery.analysis.ticket_choice import VALIDATION_COLUMNS, choose_level
from lottery.analysis.tidy import DENSE

LEVELS = [
    *("cell", "arm", "level", "sparsity", "n", "accuracy", "low", "high"),
    *("balanced_accuracy", "macro_f1"),
    *("bootstrap_low", "bootstrap_high", "difference", "difference_low", "difference_high"),
]
PER_SEED = ["cell", "arm", "seed", "level", "sparsity", "test_accuracy", "difference"]
_BOOTSTRAP_FROM = 10
"""Seeds: resampling fewer gives intervals that are too short."""


def levels(curves: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The mean test accuracy (percent) of each arm at each level, with the columns :data:`LEVELS`.

    ``low`` and ``high`` are the 95 % t interval of the mean; ``bootstrap_low`` and
    ``bootstrap_high`` are the bootstrap's (BCa), given from ten seeds on. ``difference`` (points)
    is the mean difference from dense on the same seeds, with its t interval. An interval is NaN if
    the seeds have no spread. ``balanced_accuracy`` and ``macro_f1`` are means on test, in percent.
    ``sparsity`` is a fraction. ``curves`` has a table per cell, as in ``plots/curves``.
    """
    rows: list[dict[str, Any]] = []
    for cell, curve in curves.items():
        if curve.empty:
            continue
        by_arm = accuracies.by_arm(curve)
        by_class = curve.groupby(["arm", "level"])[["test_balanced_accuracy", "test_macro_f1"]]
        means = by_class.mean().set_axis(["balanced_accuracy", "macro_f1"], axis=1)
        for (arm, level), sparsity in accuracies.sparsities(curve).items():
            keys = {"cell": cell, "arm": arm, "level": level, "sparsity": sparsity}
            keys |= means.loc[(arm, level)].to_dict()
            rows.append(keys | _level(by_arm[arm], by_arm[DENSE], level))
    return pd.DataFrame(rows, columns=LEVELS)


def _level(accuracy: pd.DataFrame, dense: pd.DataFrame, level: int) -> dict[str, Any]:
    values = accuracy[level].dropna().to_numpy()
    differences = accuracy[level].sub(dense[0]).dropna().to_numpy()
    low, high = interval_of_mean(values)
    bootstrap_low, bootstrap_high = _bootstrap(values)
    difference_low, difference_high = interval_of_mean(differences)
    return {
        "n": len(values),
        "accuracy": float(values.mean()) if len(values) else math.nan,
        "low": low,
        "high": high,
        "bootstrap_low": bootstrap_low,
        "bootstrap_high": bootstrap_high,
        "difference": float(differences.mean()) if len(differences) else math.nan,
        "difference_low": difference_low,
        "difference_high": difference_high,
    }


def _bootstrap(values: np.ndarray) -> tuple[float, float]:
    if len(values) < _BOOTSTRAP_FROM or not has_spread(values):
        return math.nan, math.nan
    # Sorted, and with a generator of its own, so that the same accuracies give the same bytes.
    result = stats.bootstrap((np.sort(values),), np.mean, rng=np.random.default_rng(0))
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def per_seed_tickets(curves: dict[str, pd.DataFrame], tolerance: float) -> pd.DataFrame:
    """The ticket that each seed alone would choose on validation: columns :data:`PER_SEED`.

    The rule is that of :func:`lottery.analysis.ticket_choice.choose_level`. Where level 1 fails,
    the dense network is the sparsest that matches: level 0, sparsity 0. Where the seed's dense
    network does not beat the most frequent class, there is no ticket: all numbers are NaN. Accuracy
    is in percent, ``difference`` (from dense) in points. Controls have no levels to choose from and
    are left out. Raises ValueError, as the rule does, if a pruning run lacks a level.
    """
    rows = []
    for cell, curve in curves.items():
        if curve.empty:
            continue
        # Only a pruning run starts from the dense network, at level 0.
        strategies = set(curve.loc[curve.level == 0, "arm"])
        for (strategy, seed), run in curve.groupby(["arm", "seed"], sort=False):
            if strategy not in strategies:
                continue
            level = choose_level(run[VALIDATION_COLUMNS], tolerance) or 0
            if why_no_ticket(run, tolerance):
                rows.append((cell, strategy, seed, *[math.nan] * 4))
                continue
            by_level = run.set_index("level")
            ticket = by_level.loc[level]
            difference = ticket.test_accuracy - by_level.test_accuracy[0]
            rows.append(
                (cell, strategy, seed, level, ticket.sparsity, ticket.test_accuracy, difference)
            )
    return pd.DataFrame(rows, columns=PER_SEED)
