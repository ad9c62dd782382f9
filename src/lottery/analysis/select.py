"""Which level is the ticket, and what a review reads of it."""

from typing import Any

import numpy as np
import pandas as pd

VALIDATION_COLUMNS = ["seed", "level", "validation_accuracy"]
TICKETS = ["strategy", "level", "sparsity", "n", "test_accuracy", "std", "difference"]
DENSE = "dense"


def choose_level(validation: pd.DataFrame, tolerance: float) -> int | None:
    """The last level before the first that fails; None if level 1 already fails.

    ``validation`` has :data:`VALIDATION_COLUMNS` and no other: what the choice cannot see it
    cannot use. A level fails if its accuracy (percent), averaged over seeds, is below the dense
    network's (level 0) minus ``tolerance`` points. The same level for all seeds. Taking the
    sparsest level that passes instead would pick lucky ones behind a failure.
    Raises ValueError for other columns or for seeds that lack a level.
    """
    if sorted(validation.columns) != sorted(VALIDATION_COLUMNS):
        raise ValueError(f"the choice takes {VALIDATION_COLUMNS}, not {list(validation.columns)}")
    if validation.empty:  # every seed's training diverged
        return None
    by_level = validation.pivot(index="level", columns="seed", values="validation_accuracy")
    if by_level.isna().any(axis=None) or list(by_level.index) != list(range(len(by_level))):
        raise ValueError("a level is missing for some seed")
    mean = by_level.mean(axis=1).to_numpy()
    # A hair's width, so that a loss of exactly the tolerance is within it whatever the rounding.
    passes = mean >= mean[0] - tolerance - 1e-9
    first_failure = int(np.argmin(passes)) if not passes.all() else len(passes)
    return first_failure - 1 if first_failure > 1 else None


def cell_metrics(tickets: pd.DataFrame, failed: dict[str, int]) -> dict[str, Any]:
    """What a review reads of a cell: few rows, since ``dvc metrics diff`` shows each that moved.

    ``tickets`` is :func:`cell_tickets`'s; ``failed`` the number of seeds without results by
    strategy. Percent and points; sparsity a fraction; None where no ticket was found.
    """
    found: dict[str, Any] = {}
    for row in tickets.itertuples():
        if row.strategy == DENSE:
            found[DENSE] = {"test_accuracy": _rounded(row.test_accuracy, 2)}
            continue
        found[row.strategy] = {
            "sparsity": _rounded(row.sparsity, 4),
            "difference": _rounded(row.difference, 2),
        }
        if failed.get(row.strategy):
            found[row.strategy]["failed_seeds"] = failed[row.strategy]
    return found


def cell_tickets(levels: pd.DataFrame, chosen: dict[str, int | None]) -> pd.DataFrame:
    """A row for dense, and one for each strategy's ticket: :data:`TICKETS`.

    ``levels`` has strategy, seed, level, sparsity (a fraction), test_accuracy (percent). Means over
    seeds, ``std`` their standard deviation, ``difference`` to dense in points on the same seeds;
    NaN where there is none: one seed has no spread, and some strategies no ticket.
    """
    dense = levels[levels.level == 0].drop_duplicates("seed").set_index("seed").test_accuracy
    rows: list[dict[str, Any]] = [_ticket(DENSE, 0, 0.0, dense, dense)]
    for strategy, level in chosen.items():
        own = levels[(levels.strategy == strategy) & (levels.level == level)].set_index("seed")
        rows.append(_ticket(strategy, level, own.sparsity.mean(), own.test_accuracy, dense))
    return pd.DataFrame(rows, columns=TICKETS)


def _ticket(
    strategy: str, level: int | None, sparsity: float, accuracy: pd.Series, dense: pd.Series
) -> dict[str, Any]:
    return {
        "strategy": strategy,
        "level": level,
        "sparsity": sparsity,
        "n": len(accuracy),
        "test_accuracy": accuracy.mean(),
        "std": accuracy.std(),
        "difference": (accuracy - dense).mean(),
    }


def _rounded(value: float, places: int) -> float | None:
    return None if np.isnan(value) else round(float(value), places)
