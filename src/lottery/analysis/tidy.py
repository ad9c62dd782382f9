"""The tidy tables of one arm of one cell, from the rows that its seeds returned."""

from collections.abc import Mapping, Sequence

import pandas as pd

DENSE = "dense"
"""The dense network's name among the arms, in claims and in tables."""
_SCORES = [f"{split}_{score}" for split in ("validation", "test") for score in ("accuracy", "loss")]
_UNEQUAL = [
    *("test_balanced_accuracy", "test_macro_f1"),
    *("validation_majority", "test_majority"),
]
"""What accuracy alone does not show where classes are unequal; the last two are the accuracy of
always answering the most frequent class of the training split."""
COLUMNS = {
    "levels": ["seed", "level", "sparsity", *_SCORES, *_UNEQUAL],
    "predictions": ["seed", "level", "only_dense", "only_level", "mcnemar_p", "calibration_error"],
    "classes": ["seed", "level", "class", "documents", "accuracy"],
    "epochs": ["seed", "level", "epoch", "train_loss", "validation_loss", "validation_accuracy"],
    "tensors": ["seed", "level", "parameter", "remaining", "size"],
}
LINES = ["kind", "seed", "level", "alpha", "train_loss", "test_error"]
_FAILED = ["seed", "level", "reason"]
Rows = Mapping[str, list[dict[str, object]]]
"""The rows of one seed, by the name of their table."""


def arm_tables(arm: str, seeds: Sequence[Rows]) -> dict[str, pd.DataFrame]:
    """The tables of :data:`COLUMNS` by name, each with ``arm`` as its first column.

    ``seeds`` has the rows of each seed. A seed whose training diverged has rows only for the table
    ``failed``, which exists only if it has rows.
    """
    tables = {name: _table(seeds, name, columns) for name, columns in COLUMNS.items()}
    tables |= _failed(seeds)
    for table in tables.values():
        table.insert(0, "arm", arm)
    return tables


def line_tables(seeds: Sequence[Rows]) -> dict[str, pd.DataFrame]:
    """The table ``lines`` of the stage connectivity, and ``failed`` if it has rows."""
    return {"lines": _table(seeds, "lines", LINES), **_failed(seeds)}


def _failed(seeds: Sequence[Rows]) -> dict[str, pd.DataFrame]:
    failed = _table(seeds, "failed", _FAILED)
    return {"failed": failed} if len(failed) else {}


def _table(seeds: Sequence[Rows], name: str, columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame([row for seed in seeds for row in seed.get(name, [])], columns=columns)
