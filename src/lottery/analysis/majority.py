"""Whether the dense network knows more than which class is the most frequent.

Where it does not, there is nothing to lose: a network of a single weight is as accurate, so every
level would match it. Such a cell has no ticket.
"""

from typing import Any

import pandas as pd

DENSE_COLUMNS = [
    *("n", "classes", "validation_accuracy", "validation_majority"),
    *("test_accuracy", "std", "test_majority", "test_balanced_accuracy", "test_macro_f1"),
    "no_ticket",
]
_EQUAL_UP_TO = 1.2
"""How many times its equal share of the documents the most frequent class may have."""


def why_no_ticket(levels: pd.DataFrame, tolerance: float) -> str | None:
    """Why no strategy of the cell has a ticket, as a sentence; None if the dense network is good
    enough for one, or if there is none since every seed failed.

    It is if its validation accuracy, averaged over seeds, is more than ``tolerance`` points above
    that of always answering the most frequent class of the training split. ``levels`` has the rows
    of all arms, or of one seed.
    """
    dense = dense_rows(levels)
    accuracy, majority = dense.validation_accuracy.mean(), dense.validation_majority.mean()
    # The 1e-9 keeps a gain of exactly the tolerance from being more, however floats round.
    if dense.empty or accuracy - majority > tolerance + 1e-9:
        return None
    return (
        f"on validation the dense network is right for {accuracy:.1f} %, and always answering the "
        f"most frequent class for {majority:.1f} %; it must be more than {tolerance:g} points "
        "better for a ticket to mean anything"
    )


def dense_row(levels: pd.DataFrame, classes: int, tolerance: float) -> dict[str, Any]:
    """The cell's dense network beside the most frequent class, with :data:`DENSE_COLUMNS` as keys.

    Means over seeds, in percent; ``std`` is the standard deviation of ``test_accuracy`` over seeds.
    ``majority`` is the accuracy of always answering the most frequent class of the training split,
    ``classes`` how many the test split has, ``no_ticket`` :func:`why_no_ticket`. NaN if every seed
    failed. ``levels`` has the rows of all arms.
    """
    dense = dense_rows(levels)
    means = {name: dense[name].mean() for name in DENSE_COLUMNS if name in dense}
    return {
        "n": len(dense),
        "classes": classes,
        **means,
        "std": dense.test_accuracy.std(),
        "no_ticket": why_no_ticket(levels, tolerance),
    }


def dense_rows(levels: pd.DataFrame) -> pd.DataFrame:
    """The rows of the dense network, one per seed: all strategies share them."""
    return levels[levels.level == 0].drop_duplicates("seed")


def is_unequal(test_majority: float, classes: int) -> bool:
    """Whether the most frequent class has much more than its equal share of the test documents.

    Then accuracy says little about the other classes. ``test_majority`` is in percent.
    """
    return classes > 0 and test_majority * classes > 100 * _EQUAL_UP_TO
