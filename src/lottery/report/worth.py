"""A cell's ticket as a file: the charts of its size and speed, and what is said of it."""

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
MARKERS = {"PyTorch": "square", "ONNX": "diamond", "TF-IDF": "triangle"}


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
        levels = [_speed(row, "circle", "c0") for row in speeds[is_level].to_dict("records")]
        rivals = speeds[~speeds.contender.str.startswith("ticket")].to_dict("records")
        others = [_speed(row, _marker(row["contender"]), "ink") for row in rivals]
        chart = worth(title, "documents per second, one thread", whole, levels, others)
        pictures.append(("Accuracy and speed", chart))
    return pictures


def _level(level: int, sparsity: float, bytes: float, accuracy: float) -> Point:
    name = f"level {level}, {share(sparsity)} pruned"
    return Point(name, float(bytes), float(accuracy), "circle", "c0")


def _speed(row: dict[str, object], marker: str, color: str) -> Point:
    value, accuracy = row["documents_per_second"], row["accuracy"]
    return Point(str(row["contender"]), float(value), float(accuracy), marker, color)  # type: ignore[arg-type]


def _marker(name: str) -> str:
    return next((marker for start, marker in MARKERS.items() if name.startswith(start)), "square")


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
        which = f"the {display_name(row.strategy)} ticket, {share(row.sparsity)} pruned"
    smaller = fixed(row.dense_bytes / row.bytes, 1)
    return (
        f"{path} is {which}: {size(row.bytes)}, {smaller} times smaller than the dense weights in "
        "float32, with its words."
    )
