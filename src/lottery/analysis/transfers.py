"""How the transferred arms of each pair compare with every other arm of their target."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from lottery.analysis import accuracies
from lottery.analysis.t_tests import interval_of_mean
from lottery.analysis.tidy import DENSE
from lottery.config.grid import Run

COLUMNS = [
    *("source", "target", "model", "arm", "level", "sparsity"),
    *("against", "n", "difference", "low", "high"),
]


def table(runs: list[Run], curves: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per transferred arm, level and other arm that has that level, with the columns
    :data:`COLUMNS`; the dense network is compared with every level.

    ``difference`` is the mean over seeds of the arm's test accuracy minus the other's, in points,
    ``low`` and ``high`` its 95 % t interval (NaN without a spread), by itself and not in the family
    of the claims. ``runs`` are the transferred arms, ``curves`` the tables of ``plots/curves``.
    """
    rows = [row for run in runs for row in _rows(run, curves[run.cell])]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(run: Run, curve: pd.DataFrame) -> Iterator[dict[str, Any]]:
    by_arm, sparsity = accuracies.by_arm(curve), accuracies.sparsities(curve)
    keys = {"source": run.source, "target": run.corpus, "model": run.model, "arm": run.arm}
    for level in by_arm.get(run.arm, pd.DataFrame()).columns:
        for other, accuracy in by_arm.items():
            if other == run.arm or (other != DENSE and level not in accuracy.columns):
                continue
            difference = accuracies.differences(by_arm[run.arm], accuracy, [level])[level]
            low, high = interval_of_mean(difference.to_numpy())
            yield {
                **keys,
                "level": level,
                "sparsity": sparsity[run.arm, level],
                "against": other,
                "n": len(difference),
                "difference": difference.mean(),
                "low": low,
                "high": high,
            }
