"""A cell's ticket as a file: the charts of its size and speed, and what is said of it."""

from math import nan
from typing import Any

import pandas as pd
from markupsafe import Markup

from lottery.report.charts.worth import Point, worth
from lottery.report.content import Content
from lottery.report.formats import fixed, share, size, whole
from lottery.report.names import cell_title, display_name

BENCHMARK = (
    "Size, memory and speed of the benchmark are of make bench TICKETS=1 (benchmarks/tickets.json "
    "has the machine), on one thread, with tokenizing apart. Its networks may be of another run "
    "than this page's."
)
LINEAR, DENSE = "linear model", "dense, float32"
RIVALS = {
    "PyTorch eager": ("PyTorch", "square"),
    "ONNX Runtime float32": ("ONNX", "diamond"),
    "ONNX Runtime int8": ("ONNX int8", "diamond"),
    "TF-IDF, logistic regression": ("TF-IDF", "triangle"),
}
"""The name and the marker in the chart of each contender of the benchmark that is no ticket."""


def charts(cell: str, content: Content) -> list[tuple[str, Markup]]:
    """Accuracy against the size of the file and, where it was measured, against speed."""
    pictures, title = [], cell_title(cell)
    files = content.of_cell("files", cell).dropna(subset="bytes")
    if len(files):
        levels = [
            _level(row.level, row.sparsity, row.bytes, row.test_accuracy)
            for row in files.itertuples()
        ]
        first = files.iloc[0]
        others = [Point(DENSE, first.dense_bytes, first.test_accuracy, "square", "ink")]
        linear = content.facts[content.facts.cell == cell].dropna(subset="linear_model_bytes")
        others += [
            Point(LINEAR, row.linear_model_bytes, row.linear_model, "triangle", "other")
            for row in linear.itertuples()
        ]
        chart = worth(title, "size of the file", size, levels, others)
        pictures.append(("Accuracy and size", chart))
    speeds = content.of_cell("speeds", cell).dropna(subset="accuracy")
    if len(speeds):
        is_level = speeds.contender.str.fullmatch(r"ticket, level \d+")
        levels = [
            _speed(row, str(row["contender"]), "circle", "c0")
            for row in speeds[is_level].to_dict("records")
        ]
        rivals = speeds[~speeds.contender.str.startswith("ticket")].to_dict("records")
        others = [
            _speed(row, *RIVALS.get(row["contender"], (str(row["contender"]), "cross")), "ink")
            for row in rivals
        ]
        chart = worth(title, "documents per second, one thread", whole, levels, others)
        pictures.append(("Accuracy and speed", chart))
    return pictures


def _level(level: int, sparsity: float, bytes: float, accuracy: float) -> Point:
    name = f"level {level}, {share(sparsity)} pruned"
    return Point(name, float(bytes), float(accuracy), "circle", "c0")


def _speed(row: dict[str, Any], name: str, marker: str, color: str) -> Point:
    return Point(name, float(row["documents_per_second"]), float(row["accuracy"]), marker, color)


def file_bytes(files: pd.DataFrame, strategy: str, sparsity: float) -> float:
    """The size of a ticket's file, where it was measured: of the exported strategy; else NaN."""
    rows = files[(files.strategy == strategy) & ((files.sparsity - sparsity).abs() < 1e-3)]
    return float(rows.bytes.iloc[0]) if len(rows) else nan


def sentence(cell: str, files: pd.DataFrame) -> str:
    """What the cell's file is."""
    first = files.iloc[0]
    rows = files[files.is_exported & files.bytes.notna()]
    path = f"data/tickets/{cell}.ticket"
    if rows.empty:
        return f"{path}: {first.note}."
    row = rows.iloc[0]
    which = "the dense network, because there is no ticket"
    if row.level:
        which = f"the chosen ticket ({display_name(row.strategy)}, {share(row.sparsity)} pruned)"
    smaller = fixed(row.dense_bytes / row.bytes, 1)
    return (
        f"{path} is {which}: {size(row.bytes)}, {smaller} times smaller than the dense weights in "
        "float32, with its words."
    )
