"""Which level is the ticket, and the few numbers per cell that a review reads."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lottery.analysis.tidy import DENSE

VALIDATION_COLUMNS = ["seed", "level", "validation_accuracy"]
TICKETS = ["arm", "level", "sparsity", "n", "test_accuracy", "std", "difference"]


def choose_level(validation: pd.DataFrame, tolerance: float) -> int | None:
    """The level of the ticket: the last before the first that fails; None if level 1 fails.

    A level fails if its accuracy (percent), averaged over seeds, is below the dense network's
    (level 0) minus ``tolerance`` points, so all seeds get the same level. Taking the sparsest
    level that passes instead would pick a lucky one behind a failure. ``validation`` has
    :data:`VALIDATION_COLUMNS` and no others, so that the choice cannot use test accuracy.
    Raises ValueError for other columns, or if a seed lacks a level.
    """
    if sorted(validation.columns) != sorted(VALIDATION_COLUMNS):
        raise ValueError(
            f"expected the columns {VALIDATION_COLUMNS} only, got {list(validation.columns)}"
        )
    if validation.empty:  # every seed's training diverged
        return None
    by_level = validation.pivot(index="level", columns="seed", values="validation_accuracy")
    if by_level.isna().any(axis=None) or list(by_level.index) != list(range(len(by_level))):
        raise ValueError("a level is missing for at least one seed")
    mean = by_level.mean(axis=1).to_numpy()
    # The 1e-9 keeps a loss of exactly the tolerance within it, however floats round.
    passes = mean >= mean[0] - tolerance - 1e-9
    first_failure = int(np.argmin(passes)) if not passes.all() else len(passes)
    return first_failure - 1 if first_failure > 1 else None


def cell_curves(
    levels: pd.DataFrame, strategies: Sequence[str], tolerance: float
) -> tuple[pd.DataFrame, dict[str, int | None]]:
    """The cell's table in ``plots/curves``, and the level of each strategy's ticket (or None).

    The table is ``levels``, which has the rows of all arms, with two more columns: ``remaining``
    (percent of the weights) and ``chosen`` (whether the level is the strategy's ticket).
    Raises ValueError as :func:`choose_level` does, naming the strategy.
    """
    chosen: dict[str, int | None] = {}
    for strategy in strategies:
        validation = levels.loc[levels.arm == strategy, VALIDATION_COLUMNS]
        try:
            chosen[strategy] = choose_level(validation, tolerance)
        except ValueError as error:
            raise ValueError(f"{strategy}: {error}") from None
    remaining = (100 * (1 - levels.sparsity)).round(4)
    is_chosen = levels.level == levels.arm.map(chosen)
    return levels.assign(remaining=remaining, chosen=is_chosen), chosen


def cell_metrics(tickets: pd.DataFrame, failed: Mapping[str, int]) -> dict[str, Any]:
    """The content of ``metrics/<cell>.json``: for dense its accuracy, for each ticket two numbers.

    Few, since ``dvc metrics diff`` lists every number that changed. ``test_accuracy`` is in
    percent, ``difference`` in points, ``sparsity`` a fraction; None where a strategy has no ticket.
    ``tickets`` comes from :func:`cell_tickets`; ``failed`` is the number of seeds without results
    by strategy.
    """
    metrics: dict[str, Any] = {}
    for row in tickets.itertuples():
        if row.arm == DENSE:
            metrics[DENSE] = {"test_accuracy": _rounded(row.test_accuracy, 2)}
            continue
        metrics[row.arm] = {
            "sparsity": _rounded(row.sparsity, 4),
            "difference": _rounded(row.difference, 2),
        }
        if failed.get(row.arm):
            metrics[row.arm]["failed_seeds"] = failed[row.arm]
    return metrics


def cell_tickets(levels: pd.DataFrame, chosen: dict[str, int | None]) -> pd.DataFrame:
    """One row for dense and one for each strategy's ticket, with the columns :data:`TICKETS`.

    Means over seeds, accuracies in percent; ``std`` is the standard deviation over seeds,
    ``difference`` the mean difference from dense on the same seeds, in points. NaN where there is
    no value: one seed has no spread, and a strategy may have no ticket. ``levels`` has arm,
    seed, level, sparsity (a fraction) and test_accuracy.
    """
    dense = levels[levels.level == 0].drop_duplicates("seed").set_index("seed").test_accuracy
    rows: list[dict[str, Any]] = [_ticket(DENSE, 0, 0.0, dense, dense)]
    for strategy, level in chosen.items():
        ticket = levels[(levels.arm == strategy) & (levels.level == level)].set_index("seed")
        rows.append(_ticket(strategy, level, ticket.sparsity.mean(), ticket.test_accuracy, dense))
    return pd.DataFrame(rows, columns=TICKETS)


def _ticket(
    strategy: str, level: int | None, sparsity: float, accuracy: pd.Series, dense: pd.Series
) -> dict[str, Any]:
    return {
        "arm": strategy,
        "level": level,
        "sparsity": sparsity,
        "n": len(accuracy),
        "test_accuracy": accuracy.mean(),
        "std": accuracy.std(),
        "difference": (accuracy - dense).mean(),
    }


def _rounded(value: float, decimals: int) -> float | None:
    return None if np.isnan(value) else round(float(value), decimals)
