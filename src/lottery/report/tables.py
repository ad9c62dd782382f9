"""The page's tables: headings and values as text, without any markup."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lottery.analysis.tidy import DENSE
from lottery.report.formats import MISSING, fixed, interval, p_value, share, signed, whole
from lottery.report.names import cell_title, corpus_title, display_name

Row = dict[str, Any]
Column = tuple[str, Callable[[Row], str], bool]
"""The heading, how a row is written, and whether that is a number."""


@dataclass(frozen=True)
class Table:
    """A table ready to print. The first value of each row is the row's heading."""

    caption: str
    columns: list[tuple[str, bool]]
    """Each heading, and whether the column has numbers."""
    rows: list[list[str]]


def table(caption: str, rows: pd.DataFrame, columns: list[Column]) -> Table:
    """One row per row of ``rows``, written by ``columns``."""
    written = [[write(row) for _, write, _ in columns] for row in rows.to_dict("records")]
    return Table(caption, [(heading, is_number) for heading, _, is_number in columns], written)


def text(heading: str, key: str) -> Column:
    """A column of words, unchanged."""
    return heading, lambda row: MISSING if pd.isna(row[key]) else str(row[key]), False


def numbers(heading: str, key: str, write: Callable[[Any], str] = fixed) -> Column:
    """A column of numbers, written by one of ``formats``."""
    return heading, lambda row: write(row[key]), True


def intervals(heading: str, low: str, high: str, sign: bool = False) -> Column:
    """A column of intervals, whose ends are in the columns ``low`` and ``high``."""
    return heading, lambda row: interval(row[low], row[high], sign=sign), True


STRATEGY: Column = ("Strategy", lambda row: display_name(row["arm"]), False)
SEED = numbers("Seed", "seed", whole)
LEVEL = numbers("Level", "level", whole)
DIFFERENCE = numbers("Difference from dense, points", "difference", signed)
TEST_ACCURACY = numbers("Test accuracy, %", "test_accuracy")
TICKET_SPARSITY: Column = (
    "Sparsity",
    lambda row: "no ticket" if pd.isna(row["sparsity"]) else share(row["sparsity"]),
    True,
)
MAJORITY = "most frequent class"
"""What the page calls the network that always answers it."""
MEANS = [
    STRATEGY,
    LEVEL,
    numbers("Sparsity", "sparsity", share),
    numbers("Seeds", "n", whole),
    numbers("Test accuracy, %", "accuracy"),
    intervals("95 % interval", "low", "high"),
    numbers("Balanced accuracy, %", "balanced_accuracy"),
    numbers("Macro-F1, %", "macro_f1"),
    DIFFERENCE,
    intervals("95 % interval of the difference", "difference_low", "difference_high", sign=True),
]


def levels(rows: pd.DataFrame, cell: str) -> Table:
    """Mean test accuracy by arm and level."""
    return table(f"{cell}: mean test accuracy by level", rows, MEANS)


def controls(rows: pd.DataFrame, winning: pd.Series, cell: str) -> Table:
    """Mean test accuracy of controls, beside the winning ticket's at the same level.

    ``winning`` is the winning ticket's mean accuracy by level.
    """
    rows = rows.assign(winning=rows.level.map(winning))
    columns = [*MEANS, numbers("Winning ticket at that level, %", "winning")]
    return table(f"{cell}: controls, at the levels where they were trained", rows, columns)


def tickets(rows: pd.DataFrame, dense: list[Row], cell: str) -> Table:
    """The ticket of each strategy, or why it has none.

    Below always answering the most frequent class, and the dense network: the cell's rows of
    ``Content.dense``, one or none.
    """
    baselines = [
        baseline
        for row in dense
        for baseline in (
            {"arm": MAJORITY, "test_accuracy": row["test_majority"]},
            {**row, "arm": DENSE, "sparsity": 0.0},
        )
    ]
    both = pd.concat([pd.DataFrame(baselines, dtype=object), rows.astype(object)])
    sparsity = TICKET_SPARSITY[1]
    columns: list[Column] = [
        ("Network", STRATEGY[1], False),
        ("Sparsity", lambda row: MISSING if row["arm"] == MAJORITY else sparsity(row), True),
        TEST_ACCURACY,
        numbers("Balanced accuracy, %", "test_balanced_accuracy"),
        numbers("Macro-F1, %", "test_macro_f1"),
        DIFFERENCE,
    ]
    if rows.reason.notna().any():
        columns.append(text("Why there is no ticket", "reason"))
    return table(f"{cell}: the tickets chosen on validation (starred)", both, columns)


def ticket_summary(rows: pd.DataFrame, cell: str) -> Table:
    """The ticket of each strategy: how sparse, how accurate."""
    columns: list[Column] = [
        STRATEGY,
        TICKET_SPARSITY,
        ("Accuracy, %", lambda row: fixed(row["test_accuracy"], 1), True),
        ("Against dense", lambda row: signed(row["difference"], 1), True),
    ]
    return table(f"{cell}: the tickets chosen on validation data", rows, columns)


def per_seed(rows: pd.DataFrame, cell: str) -> Table:
    """The ticket that each seed alone would choose."""
    columns = [STRATEGY, SEED, LEVEL, TICKET_SPARSITY, TEST_ACCURACY, DIFFERENCE]
    return table(f"{cell}: the ticket that each seed alone would choose", rows, columns)


def predictions(rows: pd.DataFrame, cell: str) -> Table:
    """Predictions compared with the dense network's: means over seeds, and each seed's p."""
    rows = rows.sort_values("seed", kind="stable")
    means = rows.groupby(["arm", "level"], sort=False, as_index=False).agg(
        seeds=("seed", "size"),
        only_dense=("only_dense", "mean"),
        only_level=("only_level", "mean"),
        mcnemar_p=("mcnemar_p", list),
        calibration_error=("calibration_error", "mean"),
    )
    columns = [
        STRATEGY,
        LEVEL,
        numbers("Seeds", "seeds", whole),
        numbers("Only dense is right", "only_dense", lambda value: fixed(value, 1)),
        numbers("Only this level is right", "only_level", lambda value: fixed(value, 1)),
        ("McNemar's p of each seed", lambda row: ", ".join(map(p_value, row["mcnemar_p"])), True),
        numbers("Calibration error, %", "calibration_error"),
    ]
    caption = f"{cell}: predictions compared with the dense network's (mean number of documents)"
    return table(caption, means, columns)


def classes(rows: pd.DataFrame, cell: str) -> Table:
    """Mean accuracy over seeds, with a column per class."""
    heads = rows.drop_duplicates("class").sort_values("class")
    means = rows.groupby(["arm", "level", "class"], sort=False).accuracy.mean()
    wide = means.unstack("class").reset_index()
    columns = [STRATEGY, LEVEL]
    for head in heads.to_dict("records"):
        heading = f"{head['name']} ({whole(head['documents'])})"
        columns.append(numbers(heading, head["class"], lambda value: fixed(value, 1)))
    caption = f"{cell}: test accuracy in % by class (number of documents), mean over seeds"
    return table(caption, wide, columns)


def failed(rows: pd.DataFrame) -> Table:
    """The runs that are excluded from every mean."""
    cell: Column = ("Cell", lambda row: cell_title(row["cell"]), False)
    columns = [cell, STRATEGY, SEED, LEVEL, text("Reason", "reason")]
    return table("Failed runs, excluded from every mean", rows, columns)


def data(rows: list[Row]) -> Table:
    """How many documents of each corpus were used."""
    corpora = pd.DataFrame(rows).reindex(columns=["corpus", "documents", "of", "classes", "note"])
    columns = [
        ("Corpus", lambda row: corpus_title(row["corpus"]), False),
        numbers("Documents used", "documents", whole),
        numbers("Documents in the corpus", "of", whole),
        numbers("Classes", "classes", whole),
        text("Note", "note"),
    ]
    return table("Data used", corpora.astype(object), columns)


def provenance(values: dict[str, str]) -> Table:
    """What produced the page: a name and a value per row."""
    rows = pd.DataFrame(list(values.items()), columns=["name", "value"], dtype=object)
    return table("What produced this page", rows, [text("Name", "name"), text("Value", "value")])
