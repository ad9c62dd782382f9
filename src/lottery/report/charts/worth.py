"""Accuracy against what a classifier takes: the size of its file, or how fast it is."""

from collections.abc import Callable
from itertools import pairwise
from math import floor, log10
from typing import NamedTuple

from markupsafe import Markup

from lottery.report.charts import svg
from lottery.report.formats import fixed

WIDTH, HEIGHT = 340, 240
LEFT, RIGHT, TOP, BOTTOM = 40, 326, 12, 194
NARROW = 80
"""Pixels between a point and the right edge, within which its name is on its left."""


class Point(NamedTuple):
    """One classifier."""

    name: str
    value: float
    """Bytes, or documents per second; above zero."""
    accuracy: float
    """On test, in percent."""
    marker: str
    """A key of :data:`lottery.report.charts.svg.MARKERS`."""
    color: str
    """A class of ``style.css``."""


def worth(
    title: str, axis: str, write: Callable[[float], str], levels: list[Point], others: list[Point]
) -> Markup:
    """The ``levels`` of a ticket as a line of points, and the ``others`` as points with names.

    ``axis`` is what the values are, on a logarithmic scale, and ``write`` one of them as text.
    """
    points = [*levels, *others]
    listed = "; ".join(
        f"{point.name}: {write(point.value)}, {fixed(point.accuracy, 1)} %" for point in points
    )
    picture = svg.chart(WIDTH, HEIGHT, f"{title}: test accuracy against {axis}. {listed}")
    values = [point.value for point in points]
    x = svg.Scale(min(values) / 1.3, max(values) * 1.3, LEFT, RIGHT, log=True)
    ticks = svg.ticks(min(p.accuracy for p in points), max(p.accuracy for p in points), 5)
    y = svg.Scale(ticks[0], ticks[-1], BOTTOM, TOP)
    svg.grid(picture, x, y, ticks, svg.fixed_ticks(ticks))
    _x_axis(picture, x, axis, write)
    line = [(x(point.value), y(point.accuracy)) for point in levels]
    for one, other in pairwise(line):
        svg.line(picture, [one, other], levels[0].color)
    for point in points:
        text = f"{point.name}: {write(point.value)}, {fixed(point.accuracy, 1)} %"
        pixels = x(point.value), y(point.accuracy)
        svg.marker(picture, point.marker, *pixels, f"mark {point.color}", text)
    for point in others:
        across, down = x(point.value), y(point.accuracy)
        is_left = RIGHT - across < NARROW
        at = {"x": across + (-9 if is_left else 9), "y": down - 6}
        svg.add(picture, "text", point.name, class_="end label" if is_left else "label", **at)
    return svg.markup(picture)


def _x_axis(picture: svg.Element, x: svg.Scale, title: str, write: Callable[[float], str]) -> None:
    """The axis with a tick at each 1, 3, 10, 30, ... that is on it."""
    group = svg.add(picture, "g", class_="axes")
    svg.add(group, "path", d=f"M{LEFT} {BOTTOM}H{RIGHT}", class_="base")
    power = floor(log10(x.first))
    candidates = [factor * 10.0**n for n in range(power, power + 10) for factor in (1, 3)]
    ticks = [value for value in candidates if x.first <= value <= x.last]
    if len(ticks) > 6:
        ticks = [value for value in ticks if log10(value) % 1 < 0.1]
    for value in ticks:
        across = x(value)
        svg.add(group, "path", d=f"M{svg.number(across)} {BOTTOM}v4", class_="base")
        svg.add(group, "text", write(value), x=across, y=BOTTOM + 17, class_="middle")
    middle = (LEFT + RIGHT) / 2
    svg.add(group, "text", title, x=middle, y=BOTTOM + 35, class_="middle title")
