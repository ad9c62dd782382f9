"""The numbers that ``dvc metrics diff`` and ``dvc exp show`` compare: at the same sparsities.

Levels and tickets are at other sparsities in each experiment, so their accuracies do not compare.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lottery.analysis.tidy import DENSE

SPARSITIES = (0.5, 0.9)
"""Few, since DVC prints a row or a column for each strategy at each of them."""
_SAME = 1e-3
"""How much more than wanted may remain at the last level, relatively: whole weights are pruned."""
Accuracies = dict[str, dict[float, float | None]]
"""By strategy and sparsity, in percent."""


def accuracies(levels: pd.DataFrame, strategies: Sequence[str]) -> Accuracies:
    """The mean test accuracy of each strategy at each of :data:`SPARSITIES`.

    Interpolated between the two levels around it, on a logarithmic scale of the weights that
    remain. None outside the range of levels: nothing is extrapolated. ``levels`` has the rows of
    all arms.
    """
    by_level = levels.groupby(["arm", "level"])[["sparsity", "test_accuracy"]].mean()
    return {
        strategy: {
            sparsity: _at(by_level.loc[strategy], sparsity) if strategy in by_level.index else None
            for sparsity in SPARSITIES
        }
        for strategy in strategies
    }


def _at(by_level: pd.DataFrame, sparsity: float) -> float | None:
    """The test accuracy at ``sparsity``; ``by_level`` is in the order of levels."""
    by_level = by_level[by_level.sparsity < 1]  # no weights at all have no logarithm
    pruned, wanted = -np.log(1 - by_level.sparsity.to_numpy()), -np.log(1 - sparsity)
    if not len(pruned) or not pruned[0] <= wanted <= pruned[-1] + _SAME:
        return None
    return float(np.interp(wanted, pruned, by_level.test_accuracy))


def cell_metrics(
    dense: Mapping[str, Any],
    linear_model: float | None,
    strategies: Accuracies,
    failed: Mapping[str, int],
) -> dict[str, Any]:
    """The content of ``metrics/<cell>.json``: test accuracies in percent.

    Those of always answering the most frequent class, of a linear model, of the dense network, and
    of each strategy at fixed sparsities; and why the cell has no ticket, if it cannot have one.
    ``dense`` is :func:`lottery.analysis.majority.dense_row`; ``linear_model`` is what the stage
    baseline measured, None if it did not; ``failed`` is the number of seeds without results by
    strategy.
    """
    metrics: dict[str, Any] = {
        "majority": {"test_accuracy": _rounded(dense["test_majority"])},
        "linear_model": {"test_accuracy": _rounded(linear_model)},
        DENSE: {"test_accuracy": _rounded(dense["test_accuracy"])},
    }
    for strategy, by_sparsity in strategies.items():
        metrics[strategy] = {
            f"at_{100 * sparsity:g}": _rounded(value) for sparsity, value in by_sparsity.items()
        }
        if failed.get(strategy):
            metrics[strategy]["failed_seeds"] = failed[strategy]
    if dense["no_ticket"]:
        metrics["no_ticket"] = dense["no_ticket"]
    return metrics


def overview(dense: Sequence[float], cells: Sequence[Accuracies]) -> dict[str, Any]:
    """The content of ``metrics/overview.json``: means over cells of what :func:`cell_metrics` has.

    None where a cell has no value, since a mean over fewer cells would not compare. ``dense`` has
    the test accuracy of each cell.
    """
    means: dict[str, Any] = {DENSE: _mean(dense)}
    for strategy in cells[0]:
        means[strategy] = {
            f"{100 * sparsity:g}": _mean([cell[strategy][sparsity] for cell in cells])
            for sparsity in SPARSITIES
        }
    return means


def _mean(values: Sequence[float | None]) -> float | None:
    return None if None in values else _rounded(np.mean(np.array(values, float)))


def _rounded(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), 2)
