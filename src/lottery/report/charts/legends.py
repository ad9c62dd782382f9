"""The legend under a chart: a sample of each line or marker, and its name."""

import math
from collections.abc import Iterable

from markupsafe import Markup

from lottery.report.charts import svg

Entries = list[tuple[Markup, str]]
"""Pairs of a sample and its name."""


def swatch(color: str, marker: str, dash: str, only_marker: bool = False) -> Markup:
    """A sample of a line with its marker. Its name is printed beside it, so it has no title."""
    picture = svg.Element("svg", {"viewBox": "0 0 34 12", "aria-hidden": "true"})
    if not only_marker:
        svg.line(picture, [(1, 6), (33, 6)], color, dash)
    if marker:
        kind = "star" if marker == "star" else "hollow" if only_marker else "mark"
        size = {"transform": "translate(17 6)" + (" scale(.7)" if marker == "star" else "")}
        path = svg.STAR if marker == "star" else svg.MARKERS[marker]
        svg.add(picture, "path", d=path, class_=f"{kind} {color}", **size)
    return svg.markup(picture)


def samples(kinds: dict[str, tuple[str, str, str, str]], in_chart: Iterable[str]) -> Entries:
    """The legend of those of ``kinds`` (color, marker, dash, name) that are ``in_chart``."""
    names = set(in_chart)
    return [
        (swatch(color, marker, dash), name)
        for kind, (color, marker, dash, name) in kinds.items()
        if kind in names
    ]


def opacity(percent: float) -> str:
    """How opaque a percentage of weights is drawn: by its logarithm, from 1 % to 100 %."""
    return f"{max(0.08, 1 + math.log10(max(percent, 1) / 100) / 2):.2f}"


def shades() -> Entries:
    """The legend of :func:`lottery.report.charts.panels.density`."""
    entries = []
    for percent in (100, 30, 10, 3, 1):
        picture = svg.Element("svg", {"viewBox": "0 0 34 12", "aria-hidden": "true"})
        svg.add(picture, "rect", width=34, height=12, fill_opacity=opacity(percent), class_="heat")
        name = f"{percent} %" + (" or less" if percent == 1 else "")
        entries.append((svg.markup(picture), name))
    return entries
