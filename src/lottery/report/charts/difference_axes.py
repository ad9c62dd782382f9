"""The axes of the main chart, and the tickets' stars above them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from lottery.report.charts import geometry, svg
from lottery.report.formats import fixed, share
from lottery.report.names import display_name
from lottery.report.styles import Style, remaining_ticks

WIDTH, PLOT_HEIGHT = 460, 216
LEFT, RIGHT, TOP = 34, 336, 40
BOTTOM = TOP + PLOT_HEIGHT
STAR_SIZE = 13
"""Between the centers of two stars."""
MORE = 0.35
"""By how much of its height the axis grows at most for intervals, and for each other classifier."""


@dataclass(frozen=True)
class Panel:
    """What one chart shows."""

    name: str
    """What a screen reader says of it."""
    levels: pd.DataFrame
    """Of :class:`lottery.report.content.Content`, the rows of the arms that are drawn."""
    tickets: pd.DataFrame
    """The same, of tickets."""
    dense: float
    """The dense network's test accuracy in percent."""
    margin: float
    """In points; NaN if there is none."""
    classifiers: Mapping[str, float] = field(default_factory=dict)
    """Other classifiers by name: their test accuracy in percent."""
    published: pd.DataFrame | None = None
    """Of :func:`lottery.report.reference.curves`, the cell's rows with their ``difference``."""


@dataclass(frozen=True)
class Plot:
    """A picture with its axes, and what is to be written at the ends of its lines."""

    picture: svg.Element
    x: svg.Scale
    y: svg.Scale
    labels: list[tuple[float, str, str, tuple[float, float] | None]] = field(default_factory=list)
    """Where each is wanted, its text, its color and marker, and the end of its line if that is at
    the right."""


def axes(
    panel: Panel, levels: pd.DataFrame, tickets: pd.DataFrame, styles: Mapping[str, Style]
) -> Plot:
    """Empty axes, and above them the tickets' stars side by side, each with a line to its level."""
    low = float(levels.remaining.min()) if len(levels) else 10.0
    x = svg.Scale(100, min(low, 90), LEFT + 6, RIGHT - 6, log=True)
    picture = svg.chart(WIDTH, BOTTOM + 40, panel.name)
    y_ticks = _y_ticks(panel, levels)
    y = svg.Scale(y_ticks[0], y_ticks[-1], BOTTOM, TOP)
    frame = svg.Scale(0, 1, LEFT, RIGHT)
    svg.grid(picture, frame, y, y_ticks, svg.fixed_ticks(y_ticks, signed=True))
    ticks = remaining_ticks(x.last * 0.999)
    svg.x_axis(picture, x, y.start, ticks, "weights remaining (%), log scale")
    svg.add(picture, "text", "points above or below dense", x=0, y=10, class_="panel")
    levels_of = [x(100 * (1 - sparsity)) for sparsity in tickets.sparsity]
    star_xs = geometry.spread(levels_of, STAR_SIZE, LEFT, RIGHT)
    for row, level, star_x in zip(tickets.itertuples(), levels_of, star_xs, strict=True):
        remaining = share(1 - row.sparsity)
        title = (
            f"{display_name(row.arm)}, the ticket chosen on validation: "
            f"{fixed(row.test_accuracy)} % with {remaining} of weights"
        )
        color = styles[row.arm].color
        svg.line(picture, [(star_x, TOP - 13), (level, TOP)], f"leader {color}")
        svg.marker(picture, "star", star_x, TOP - 14, f"star {color}", title)
    return Plot(picture, x, y)


def _y_ticks(panel: Panel, levels: pd.DataFrame) -> list[float]:
    """Round values that cover all means, and intervals and classifiers that are not far off."""
    margin = 0.0 if pd.isna(panel.margin) else panel.margin
    means = [0.0, margin, -margin, *levels.difference]
    if panel.published is not None:
        means += list(panel.published.difference)
    low, high = min(means), max(means)
    reach = MORE * (high - low)
    ends = [*levels.difference_low.dropna(), *levels.difference_high.dropna()]
    others = [accuracy - panel.dense for accuracy in panel.classifiers.values()]
    low = min([low, *(max(end, low - reach) for end in ends)])
    high = max([high, *(min(end, high + reach) for end in ends)])
    near = [other for other in others if low - reach <= other <= high + reach]
    return svg.ticks(min([low, *near]), max([high, *near]))
