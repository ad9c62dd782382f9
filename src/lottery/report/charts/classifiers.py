"""Whether the network is worth pruning: its accuracy beside what is simpler and smaller."""

from typing import NamedTuple

import pandas as pd
from markupsafe import Markup

from lottery.report.charts import svg
from lottery.report.formats import fixed

WIDTH, ROW = 460, 34
LEFT, RIGHT, TOP = 1, 300, 18


class Classifier(NamedTuple):
    """One row of the chart."""

    name: str
    accuracy: float
    """On test, in percent."""
    size: str
    """On disk, as text; empty if it has none to speak of."""
    color: str
    """A class of ``style.css``."""


def classifiers(title: str, majority: float, rows: list[Classifier]) -> Markup:
    """A bar per classifier, from what always answering the most frequent class gets right.

    ``majority`` is that, in percent; zero if it is not known.
    """
    rows = [row for row in rows if not pd.isna(row.accuracy)]
    listed = "; ".join(f"{row.name} {fixed(row.accuracy, 1)} %" for row in rows)
    height = TOP + ROW * len(rows) + 4
    start = f"most frequent class, {fixed(majority, 1)} %"
    picture = svg.chart(WIDTH, height, f"{title}: test accuracy. {start}; {listed}")
    most = max(row.accuracy for row in rows)
    x = svg.Scale(majority, max(most, majority + 1), LEFT, RIGHT)
    svg.add(picture, "text", f"bars start at the {start}", x=0, y=10)
    svg.line(picture, [(LEFT, TOP), (LEFT, height)], "zero")
    for index, row in enumerate(rows):
        y = TOP + ROW * index + 14
        width = max(x(row.accuracy) - LEFT, 0)
        svg.add(picture, "text", row.name, x=LEFT + 6, y=y, class_="label")
        bar = svg.add(
            picture, "rect", x=LEFT, y=y + 5, width=width, height=7, class_=f"bar {row.color}"
        )
        svg.add(bar, "title", f"{row.name}: {fixed(row.accuracy)} %")
        text = f"{fixed(row.accuracy, 1)} %"
        svg.add(picture, "text", text, x=LEFT + width + 8, y=y + 13, class_="label value")
        svg.add(picture, "text", row.size, x=WIDTH, y=y + 13, class_="end")
    return svg.markup(picture)
