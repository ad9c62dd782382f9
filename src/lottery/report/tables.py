"""The page's tables: headings and written values, without any markup."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lottery.report.formats import chance, fixed, interval, share, signed, span, whole
from lottery.report.styles import words

Row = dict[str, Any]
Column = tuple[str, Callable[[Row], str], bool]  # heading, what it writes, whether a number


@dataclass(frozen=True)
class Table:
    """``columns`` are headings with whether they hold numbers; a row's first value heads it."""

    caption: str
    columns: list[tuple[str, bool]]
    rows: list[list[str]]


def table(caption: str, rows: pd.DataFrame, columns: list[Column]) -> Table:
    """One row of ``rows`` a row, written by ``columns``."""
    written = [[write(row) for _, write, _ in columns] for row in rows.to_dict("records")]
    return Table(caption, [(heading, is_number) for heading, _, is_number in columns], written)


def text(heading: str, key: str) -> Column:
    """Words as they are."""
    return heading, lambda row: "–" if pd.isna(row[key]) else str(row[key]), False


def numbers(heading: str, key: str, write: Callable[[Any], str] = fixed) -> Column:
    """A number, by one of ``formats``."""
    return heading, lambda row: write(row[key]), True


def between(heading: str, low: str, high: str, sign: bool = False) -> Column:
    """An interval of two columns."""
    return heading, lambda row: interval(row[low], row[high], sign=sign), True


STRATEGY: Column = ("Strategy", lambda row: words(row["strategy"]), False)
WHERE = [numbers("Level", "level", whole), numbers("Sparsity", "sparsity", share)]
SEED = numbers("Seed", "seed", whole)
MEASURED = [
    numbers("Seeds", "n", whole),
    numbers("Test accuracy, %", "accuracy"),
    between("95 % interval", "low", "high"),
    numbers("To dense, points", "difference", signed),
    between("95 % interval of it", "difference_low", "difference_high", sign=True),
]


def levels(rows: pd.DataFrame, caption: str) -> Table:
    """Mean test accuracy by strategy and level."""
    return table(caption, rows, [STRATEGY, *WHERE, *MEASURED])


def controls(rows: pd.DataFrame, beside: pd.Series, cell: str) -> Table:
    """As :func:`levels`, with the winning ticket's accuracy at the same level."""
    rows = rows.assign(beside=rows.level.map(beside))
    columns = [STRATEGY, *WHERE, *MEASURED, numbers("Winning ticket there, %", "beside")]
    return table(f"{cell}: controls, at the levels where they were trained", rows, columns)


def tickets(rows: pd.DataFrame, cell: str) -> Table:
    """The ticket of each strategy, if there is one."""
    return table(
        f"{cell}: the ticket chosen on validation (starred)",
        rows,
        [
            STRATEGY,
            ("Sparsity", lambda row: _or_none(row, share(row["sparsity"])), True),
            numbers("Test accuracy, %", "test_accuracy"),
            numbers("To dense, points", "difference", signed),
        ],
    )


def per_seed(rows: pd.DataFrame, cell: str) -> Table:
    """Each seed's own ticket."""
    columns = [
        STRATEGY,
        SEED,
        numbers("Level", "level", whole),
        ("Sparsity", lambda row: _or_none(row, share(row["sparsity"])), True),
        numbers("Test accuracy, %", "test_accuracy"),
        numbers("To dense, points", "difference", signed),
    ]
    return table(f"{cell}: each seed's own ticket", rows, columns)


def predictions(rows: pd.DataFrame, cell: str) -> Table:
    """Against the dense network on the same documents; means over seeds, but a p-value a seed."""
    rows = rows.sort_values("seed", kind="stable")
    own = rows.groupby(["strategy", "level"], sort=False, as_index=False).agg(
        seeds=("seed", "size"),
        only_dense=("only_dense", "mean"),
        only_level=("only_level", "mean"),
        mcnemar_p=("mcnemar_p", list),
        calibration_error=("calibration_error", "mean"),
    )
    columns = [
        STRATEGY,
        numbers("Level", "level", whole),
        numbers("Seeds", "seeds", whole),
        numbers("Only dense right", "only_dense", lambda value: fixed(value, 1)),
        numbers("Only this level right", "only_level", lambda value: fixed(value, 1)),
        ("McNemar's p, seed by seed", lambda row: _each(row["mcnemar_p"]), True),
        numbers("Calibration error, %", "calibration_error"),
    ]
    caption = f"{cell}: predictions against the dense network's, mean documents"
    return table(caption, own, columns)


def classes(rows: pd.DataFrame, cell: str) -> Table:
    """Mean accuracy over seeds, a column a class."""
    heads = rows.drop_duplicates("class").sort_values("class")
    means = rows.groupby(["strategy", "level", "class"], sort=False).accuracy.mean()
    wide = means.unstack("class").reset_index()
    columns = [STRATEGY, numbers("Level", "level", whole)]
    for head in heads.to_dict("records"):
        heading = f"{head['name']} ({whole(head['documents'])})"
        columns.append(numbers(heading, head["class"], lambda value: fixed(value, 1)))
    return table(f"{cell}: test accuracy by class (documents), %, mean over seeds", wide, columns)


def failed(rows: pd.DataFrame) -> Table:
    """Runs that are left out of every mean."""
    columns = [
        text("Cell", "cell"),
        STRATEGY,
        SEED,
        numbers("Level", "level", whole),
        text("Reason", "reason"),
    ]
    return table("Failed runs, left out of every mean", rows, columns)


def data(rows: list[Row]) -> Table:
    """The documents that were used, of those there are."""
    known = pd.DataFrame(rows).reindex(columns=["corpus", "documents", "of", "classes", "note"])
    columns = [
        text("Corpus", "corpus"),
        numbers("Documents used", "documents", whole),
        numbers("Of", "of", whole),
        numbers("Classes", "classes", whole),
        text("Note", "note"),
    ]
    return table("Data that were used", known.astype(object), columns)


def provenance(facts: dict[str, str]) -> Table:
    """Name and value."""
    rows = pd.DataFrame(list(facts.items()), columns=["name", "value"], dtype=object)
    return table("Where this page comes from", rows, [text("Fact", "name"), text("Value", "value")])


def summary(contrasts: pd.DataFrame) -> dict[str, str]:
    """A claim's contrasts in one row: their ranges, and the smallest corrected p-value that one's
    verdict rests on."""
    worse = contrasts.p_worse.where(contrasts.verdict == "contradicted")
    low, high = contrasts.min(numeric_only=True), contrasts.max(numeric_only=True)
    return {
        "effect": span(low.get("effect"), high.get("effect"), signed),
        "interval": interval(low.get("low"), high.get("high"), sign=True),
        "p": chance(worse.fillna(contrasts.p_holm).min()),
        "n": span(low.get("n"), high.get("n"), whole),
        "detectable": span(low.get("detectable"), high.get("detectable"), fixed),
    }


def _or_none(row: Row, written: str) -> str:
    return "no ticket" if pd.isna(row["sparsity"]) else written


def _each(values: list[float]) -> str:
    return ", ".join(chance(value) for value in values)
