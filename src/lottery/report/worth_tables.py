"""The page's tables about a cell's ticket as a file, and about what pruning costs."""

import pandas as pd

from lottery.report.formats import fixed, share, signed, size, whole
from lottery.report.tables import LEVEL, TEST_ACCURACY, Table, numbers, table, text


def files(rows: pd.DataFrame, cell: str) -> Table:
    """The size of each level's file, beside the dense weights in float32."""
    rows = rows.assign(smaller=rows.dense_bytes / rows.bytes)
    columns = [
        LEVEL,
        numbers("Sparsity", "sparsity", share),
        numbers("File", "bytes", size),
        numbers("of it words", "words_bytes", size),
        numbers("Times smaller than dense float32", "smaller", lambda value: fixed(value, 1)),
        TEST_ACCURACY,
        ("Exported", lambda row: "yes" if row["is_exported"] else "", False),
    ]
    return table(f"{cell}: each level as a file, first seed", rows, columns)


def speeds(rows: pd.DataFrame, cell: str) -> Table:
    """What the benchmark measured of the ticket's levels and of other classifiers."""
    columns = [
        text("Classifier", "contender"),
        numbers("Test accuracy, %", "accuracy"),
        numbers("File", "bytes", size),
        numbers("Memory, MB", "memory_mb", whole),
        numbers("Load, s", "load_s"),
        numbers("Documents per second", "documents_per_second", whole),
        numbers("One document, ms: median", "latency_p50"),
        numbers("99th percentile", "latency_p99"),
    ]
    return table(f"{cell}: the benchmark, one thread", rows, columns)


def costs(rows: pd.DataFrame, cell: str) -> Table:
    """Scores of the dense network and of the ticket."""
    columns = [
        text("Network", "network"),
        numbers("Test accuracy, %", "accuracy"),
        numbers("Balanced accuracy, %", "balanced_accuracy"),
        numbers("Macro-F1, %", "macro_f1"),
        numbers("Calibration error, %", "calibration_error"),
        numbers("Seeds", "n", whole),
    ]
    return table(f"{cell}: dense network and ticket", rows, columns)


def lost(rows: pd.DataFrame, cell: str) -> Table:
    """The classes that lose most accuracy, at most ten."""
    columns = [
        text("Class", "class"),
        numbers("Test documents", "documents", whole),
        numbers("Dense, %", "dense"),
        numbers("Ticket, %", "ticket"),
        numbers("Difference, points", "difference", signed),
    ]
    return table(f"{cell}: the classes that lose most", rows.head(10), columns)


def changed(rows: pd.DataFrame, cell: str) -> Table:
    """Documents whose predicted class the ticket changes."""
    columns = [
        numbers("Test document", "document", whole),
        text("Class", "class"),
        text("Dense says", "dense_class"),
        numbers("with probability", "dense_probability"),
        text("The ticket says", "ticket_class"),
        numbers("with probability", "ticket_probability"),
    ]
    caption = f"{cell}: documents whose predicted class changes; make disagreements prints them"
    return table(caption, rows, columns)
