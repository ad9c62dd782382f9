"""The tables that the page is made from."""

from dataclasses import dataclass, field, fields
from typing import Any

import pandas as pd

from lottery.errors import LotteryError

COLUMNS = {
    "claims": (
        "claim sentence verdict verdict_with_documents supported contradicted no_difference smaller"
        " undecided not_tested"
    ),
    "contrasts": (
        "claim cell test of against sparsity levels n effect family_low family_high margin p"
        " p_corrected p_equivalence_corrected minimum_detectable_effect verdict"
        " verdict_with_documents reason"
    ),
    "levels": (
        "cell arm level sparsity n accuracy low high balanced_accuracy macro_f1"
        " difference difference_low difference_high"
    ),
    "dense": (
        "cell n classes test_accuracy test_majority test_balanced_accuracy test_macro_f1 no_ticket"
    ),
    "facts": (
        "cell parameters train validation test tokens_per_document max_tokens epochs linear_model"
        " linear_model_bytes"
    ),
    "tickets": (
        "cell arm sparsity test_accuracy test_balanced_accuracy test_macro_f1 difference reason"
    ),
    "per_seed": "cell arm seed level sparsity test_accuracy difference",
    "tensors": "arm seed level parameter remaining size",
    "epochs": "arm seed level epoch train_loss validation_loss validation_accuracy",
    "connectivity": "kind seed level alpha train_loss test_error",
    "predictions": "cell arm seed level only_dense only_level mcnemar_p calibration_error",
    "classes": "cell arm seed level class name documents accuracy",
    "failed": "cell arm seed level reason",
    "transfers": "source target model arm level sparsity against n difference low high",
    "study": (
        "cell arm published_dense published_ticket published_sparsity dense ticket sparsity"
        " no_ticket at_published_sparsity seeds differences"
    ),
    "files": (
        "strategy level sparsity bytes words_bytes test_accuracy is_exported dense_bytes note"
    ),
    "costs": "network n accuracy balanced_accuracy macro_f1 calibration_error",
    "lost": "class documents dense ticket difference",
    "changed": ("document class dense_class dense_probability ticket_class ticket_probability"),
    "speeds": (
        "contender accuracy bytes memory_mb load_s documents_per_second latency_p50 latency_p99"
    ),
}
"""The columns of each table in :class:`Content`."""


@dataclass(frozen=True)
class Content:
    """The tables behind the page, with the columns of :data:`COLUMNS`. Any of them may be empty.

    Accuracies, test errors and calibration errors are in percent, differences in points, losses
    in nats; sparsity is a fraction. ``low`` and ``high`` are NaN with one seed; all numbers of a
    ticket are NaN if the strategy has none, and ``reason`` says why. ``dense`` has a row per cell:
    its dense network, and always answering the most frequent class (``test_majority``). ``facts``
    has a row per cell, too: how many numbers the network has, documents of each split, tokens per
    training document, and the linear model; all may be NaN. ``study`` is
    :func:`lottery.report.reference.headline`. ``files`` are the sizes of a ticket's levels as
    files, ``costs``, ``lost`` and ``changed`` what pruning costs (networks, classes, documents),
    ``speeds`` what the benchmark measured: :func:`lottery.report.ticket_tables.of_cells`. Where a
    field is a dict it has a table per cell. ``contrasts`` has a row for each claim and contrast
    that it needs. ``data`` has a row per corpus: corpus, documents (used), of (how many there are),
    classes, note. ``provenance`` is labels and values. Raises LotteryError for a table that lacks a
    column.
    """

    claims: pd.DataFrame
    contrasts: pd.DataFrame
    levels: pd.DataFrame
    dense: pd.DataFrame
    facts: pd.DataFrame
    tickets: pd.DataFrame
    per_seed: pd.DataFrame
    tensors: dict[str, pd.DataFrame]
    epochs: dict[str, pd.DataFrame]
    connectivity: dict[str, pd.DataFrame]
    predictions: pd.DataFrame
    classes: pd.DataFrame
    study: pd.DataFrame
    files: dict[str, pd.DataFrame]
    costs: dict[str, pd.DataFrame]
    lost: dict[str, pd.DataFrame]
    changed: dict[str, pd.DataFrame]
    speeds: dict[str, pd.DataFrame]
    provenance: dict[str, str]
    data: list[dict[str, Any]]
    failed: pd.DataFrame
    transfers: pd.DataFrame = field(default_factory=pd.DataFrame)
    """:func:`lottery.analysis.transfers.table`; empty without pairs."""

    def __post_init__(self) -> None:
        for name in (entry.name for entry in fields(self) if entry.name in COLUMNS):
            value = getattr(self, name)
            if isinstance(value, dict):
                checked: Any = {cell: _checked(name, table) for cell, table in value.items()}
            else:
                checked = _checked(name, value)
            object.__setattr__(self, name, checked)

    def of_cell(self, name: str, cell: str) -> pd.DataFrame:
        """The cell's table of the field ``name``, which has one per cell; empty if it has none."""
        tables: dict[str, pd.DataFrame] = getattr(self, name)
        return tables.get(cell, pd.DataFrame(columns=COLUMNS[name].split()))

    def cells(self) -> list[str]:
        """Every cell that any table has, in the order of the tables."""
        tables = (
            self.levels,
            self.dense,
            self.tickets,
            self.per_seed,
            self.predictions,
            self.classes,
        )
        names = [name for table in tables for name in table.cell.unique()]
        return list(dict.fromkeys([*names, *self.epochs, *self.tensors, *self.connectivity]))


def _checked(name: str, table: pd.DataFrame) -> pd.DataFrame:
    columns = COLUMNS[name].split()
    missing = [column for column in columns if column not in table]
    if missing and len(table):
        raise LotteryError(
            f"report: table '{name}': missing columns: {', '.join(missing)}; "
            "run 'dvc repro' to regenerate it"
        )
    return table.reindex(columns=columns)
