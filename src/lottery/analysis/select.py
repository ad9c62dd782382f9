"""Which level is the ticket, and what a review reads of it."""

from typing import Any

import numpy as np
import pandas as pd

VALIDATION_COLUMNS = ["seed", "level", "validation_accuracy"]


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


def cell_metrics(
    levels: pd.DataFrame, chosen: dict[str, int | None], failed: dict[str, int]
) -> dict[str, Any]:
    """Dense accuracy, and each strategy's ticket, on test, in percent; sparsity a fraction.

    ``levels`` has strategy, seed, level, sparsity, test_accuracy; ``failed`` the number of seeds
    that are missing from it by strategy. A standard deviation of one seed, or the figures of a
    ticket that was not found, are None.
    """
    dense = levels[levels.level == 0].drop_duplicates("seed").set_index("seed").test_accuracy
    metrics: dict[str, Any] = {
        "dense": {
            "seeds": len(dense),
            "test_accuracy": round(float(dense.mean()), 3) if len(dense) else None,
            "test_accuracy_std": round(float(dense.std()), 3) if len(dense) > 1 else None,
        }
    }
    for strategy, level in chosen.items():
        rows = levels[(levels.strategy == strategy) & (levels.level == level)].set_index("seed")
        found = level is not None
        metrics[strategy] = {
            "sparsity": round(float(rows.sparsity.mean()), 4) if found else None,
            "test_accuracy": round(float(rows.test_accuracy.mean()), 3) if found else None,
            "difference": (round(float((rows.test_accuracy - dense).mean()), 3) if found else None),
        }
        if failed.get(strategy):
            metrics[strategy]["failed_seeds"] = failed[strategy]
    return metrics
