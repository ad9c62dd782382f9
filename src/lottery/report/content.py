"""What the page is made from."""

from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from lottery.errors import LotteryError

COLUMNS = {
    "claims": "claim sentence verdict supported contradicted undecided not_tested",
    "contrasts": (
        "claim cell contrast levels n effect low high p p_holm p_worse detectable verdict"
    ),
    "levels": (
        "cell strategy level sparsity n accuracy low high difference difference_low difference_high"
    ),
    "tickets": "cell strategy sparsity test_accuracy difference",
    "per_seed": "cell strategy seed level sparsity test_accuracy difference",
    "tensors": "strategy seed level parameter alive size",
    "epochs": "strategy seed level epoch train_loss validation_loss validation_accuracy",
    "connectivity": "kind seed level alpha train_loss test_error",
    "predictions": "cell strategy seed level only_dense only_level mcnemar_p calibration_error",
    "classes": "cell strategy seed level class name documents accuracy",
    "failed": "cell strategy seed level reason",
}


@dataclass(frozen=True)
class Content:
    """The tables behind the page; ``COLUMNS`` has each one's columns. Any of them may be empty.

    Accuracies, test errors and calibration errors are in percent, differences in points,
    sparsity is a fraction. A frame in a dict is one cell's. ``data`` has a row a corpus: corpus,
    documents (used), of (how many there are), classes, note. ``low`` and ``high`` are NaN with one
    seed; a ticket that does not exist is NaN. Raises LotteryError for a table without a column.
    """

    claims: pd.DataFrame
    contrasts: pd.DataFrame
    levels: pd.DataFrame
    tickets: pd.DataFrame
    per_seed: pd.DataFrame
    tensors: dict[str, pd.DataFrame]
    epochs: dict[str, pd.DataFrame]
    connectivity: dict[str, pd.DataFrame]
    predictions: pd.DataFrame
    classes: pd.DataFrame
    provenance: dict[str, str]
    data: list[dict[str, Any]]
    failed: pd.DataFrame

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name not in COLUMNS:
                continue
            value = getattr(self, field.name)
            if isinstance(value, dict):
                checked: Any = {cell: _checked(field.name, own) for cell, own in value.items()}
            else:
                checked = _checked(field.name, value)
            object.__setattr__(self, field.name, checked)

    def cells(self) -> list[str]:
        """Every cell that has something to show, in the order of the tables."""
        tables = (self.levels, self.tickets, self.per_seed, self.predictions, self.classes)
        names = [name for table in tables for name in table.cell.unique()]
        return list(dict.fromkeys([*names, *self.epochs, *self.tensors, *self.connectivity]))


def _checked(name: str, table: pd.DataFrame) -> pd.DataFrame:
    columns = COLUMNS[name].split()
    missing = [column for column in columns if column not in table]
    if missing and len(table):
        raise LotteryError(
            f"report: table '{name}' lacks {', '.join(missing)}; run 'dvc repro' to make it anew"
        )
    return table.reindex(columns=columns)
