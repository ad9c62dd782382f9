"""Which level is the ticket, and what is known of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lottery.analysis.majority import dense_rows, why_no_ticket
from lottery.analysis.tidy import DENSE

VALIDATION_COLUMNS = ["seed", "level", "validation_accuracy"]
TICKETS = [
    *("arm", "level", "sparsity", "n", "test_accuracy", "std", "difference", "difference_std"),
    *("test_balanced_accuracy", "test_macro_f1", "reason"),
]


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
    (percent of the weights, to six digits) and ``chosen`` (whether the level is the strategy's
    ticket). There is none where :func:`lottery.analysis.majority.why_no_ticket` has a reason.
    Raises ValueError as :func:`choose_level` does, naming the strategy.
    """
    chosen: dict[str, int | None] = {}
    for strategy in strategies:
        validation = levels.loc[levels.arm == strategy, VALIDATION_COLUMNS]
        try:
            chosen[strategy] = choose_level(validation, tolerance)
        except ValueError as error:
            raise ValueError(f"{strategy}: {error}") from None
    if why_no_ticket(levels, tolerance):
        chosen = dict.fromkeys(chosen)
    remaining = [float(f"{100 * (1 - sparsity):.6g}") for sparsity in levels.sparsity]
    is_chosen = levels.level == levels.arm.map(chosen)
    return levels.assign(remaining=remaining, chosen=is_chosen), chosen


def cell_tickets(
    levels: pd.DataFrame, chosen: dict[str, int | None], tolerance: float
) -> pd.DataFrame:
    """One row for dense and one for each strategy's ticket, with the columns :data:`TICKETS`.

    Means over seeds, accuracies in percent; ``std`` and ``difference_std`` are standard deviations
    over seeds, ``difference`` is from dense on the same seeds, in points. NaN where there is no
    value: one seed has no spread, and a strategy may have no ticket; ``reason`` then says why.
    ``levels`` has the rows of all arms.
    """
    dense = dense_rows(levels).set_index("seed")
    rows = [_ticket(DENSE, 0, dense, dense)]
    no_ticket = why_no_ticket(levels, tolerance)
    for strategy, level in chosen.items():
        of_strategy = levels[levels.arm == strategy].set_index("seed")
        row = _ticket(strategy, level, of_strategy[of_strategy.level == level], dense)
        if level is None:
            row["reason"] = no_ticket or _first_level_fails(of_strategy, tolerance)
        rows.append(row)
    return pd.DataFrame(rows, columns=TICKETS)


def _ticket(
    strategy: str, level: int | None, ticket: pd.DataFrame, dense: pd.DataFrame
) -> dict[str, Any]:
    difference = ticket.test_accuracy - dense.test_accuracy
    return {
        "arm": strategy,
        "level": level,
        "sparsity": ticket.sparsity.mean(),
        "n": len(ticket),
        "test_accuracy": ticket.test_accuracy.mean(),
        "std": ticket.test_accuracy.std(),
        "difference": difference.mean(),
        "difference_std": difference.std(),
        "test_balanced_accuracy": ticket.test_balanced_accuracy.mean(),
        "test_macro_f1": ticket.test_macro_f1.mean(),
    }


def _first_level_fails(levels: pd.DataFrame, tolerance: float) -> str:
    if levels.empty:
        return "every seed failed"
    if levels.level.max() == 0:
        return "no level was pruned"
    return f"level 1 is more than {tolerance:g} points below dense on validation"
