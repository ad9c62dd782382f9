"""The main chart: the difference to the dense network against the weights that remain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from markupsafe import Markup

from lottery.report.charts import geometry, svg
from lottery.report.formats import fixed, interval, share, signed
from lottery.report.names import display_name
from lottery.report.reference import ARMS
from lottery.report.styles import PUBLISHED_DASHES, Style, remaining_ticks

WIDTH, PLOT_HEIGHT = 460, 216
LEFT, RIGHT, TOP = 34, 336, 40
GAP = 14.5
"""Between two labels: a line of text, also at the larger size of a phone."""
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
class _Plot:
    """A picture with its axes, and what is to be written at the ends of its lines."""

    picture: svg.Element
    x: svg.Scale
    y: svg.Scale
    labels: list[tuple[float, str, str, tuple[float, float] | None]] = field(default_factory=list)
    """Where each is wanted, its text, its color and marker, and the end of its line if that is at
    the right."""


def differences(panel: Panel, styles: Mapping[str, Style]) -> Markup:
    """Mean differences to dense on the same seeds, in points, with their 95 % t intervals.

    Each line is named at its end. The gray band is the margin. Other classifiers that lie outside
    the axis are named at its edge, with an arrow. Stars in a row of their own are tickets.
    """
    levels = panel.levels.assign(remaining=100 * (1 - panel.levels.sparsity))
    levels = levels[(levels.remaining > 0) & levels.difference.notna()]
    tickets = panel.tickets.dropna(subset=["sparsity", "test_accuracy"])
    plot = _axes(panel, levels, tickets, styles)
    if not pd.isna(panel.margin):
        above, below = plot.y(panel.margin), plot.y(-panel.margin)
        corners = [(LEFT, above), (RIGHT, above), (RIGHT, below), (LEFT, below)]
        svg.area(plot.picture, corners, "margin")
    _classifiers(plot, panel)
    ends = [(LEFT, plot.y(0)), (RIGHT, plot.y(0))]
    svg.line(plot.picture, ends, "dense", "", f"dense: {fixed(panel.dense)} %")
    plot.labels.append((plot.y(0), f"dense, {fixed(panel.dense, 1)} %", "dense", None))
    if panel.published is not None:
        _published(plot, panel.published)
    shifts = _shifts(styles, list(levels.arm.unique()))
    for arm, rows in levels.groupby("arm", sort=False):
        _arm(plot, rows.sort_values("level"), styles[str(arm)], shifts.get(str(arm), 0))
    _labels(plot)
    return svg.markup(plot.picture)


def _axes(
    panel: Panel, levels: pd.DataFrame, tickets: pd.DataFrame, styles: Mapping[str, Style]
) -> _Plot:
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
    return _Plot(picture, x, y)


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


def _classifiers(plot: _Plot, panel: Panel) -> None:
    bottom, top = plot.y.first, plot.y.last
    for name, accuracy in panel.classifiers.items():
        difference = accuracy - panel.dense
        text = f"{name}, {fixed(accuracy, 1)} %"
        if bottom <= difference <= top:
            height = plot.y(difference)
            title = f"{name}: {signed(difference)} points"
            svg.line(plot.picture, [(LEFT, height), (RIGHT, height)], "other", "2 4", title)
            plot.labels.append((height, text, "other", None))
        else:
            arrow, height = ("↑", plot.y(top)) if difference > top else ("↓", plot.y(bottom))
            plot.labels.append((height, f"{arrow} {text}", "", None))


def _published(plot: _Plot, published: pd.DataFrame) -> None:
    for arm, rows in published.groupby("arm", sort=False):
        points = [(plot.x(r.remaining), plot.y(r.difference)) for r in rows.itertuples()]
        name = f"2020 study, {ARMS[str(arm)]}"
        dash = PUBLISHED_DASHES[str(arm)]
        svg.line(plot.picture, points, "published", dash, f"{name}: one trial")
        for row, (x, y) in zip(rows.itertuples(), points, strict=True):
            title = (
                f"{name}: {signed(row.difference)} points, {fixed(row.test_accuracy)} % "
                f"with {share(row.remaining / 100)} of weights"
            )
            svg.marker(plot.picture, "circle", x, y, "mark tiny published", title)
        short = {"lt": "winning", "random": "fresh", "lr_f": "epoch 1", "lr_l": "last epoch"}
        plot.labels.append((points[-1][1], f"2020, {short[str(arm)]}", "published", points[-1]))


def _shifts(styles: Mapping[str, Style], arms: list[str]) -> dict[str, float]:
    """How many pixels to the right each control is drawn.

    Controls share their levels; without a shift they would hide each other.
    """
    controls = [name for name, style in styles.items() if style.is_control and name in arms]
    return {name: 6 * (index - (len(controls) - 1) / 2) for index, name in enumerate(controls)}


def _arm(plot: _Plot, rows: pd.DataFrame, style: Style, shift: float) -> None:
    """A strategy's line and band; a control's hollow points and bars, joined by a thin line."""
    low, high = plot.y.end, plot.y.start
    points = [(plot.x(row.remaining) + shift, plot.y(row.difference)) for row in rows.itertuples()]
    bounded = rows.dropna(subset=["difference_low", "difference_high"])
    sides = [
        [(plot.x(r) + shift, plot.y(d)) for r, d in zip(bounded.remaining, side, strict=True)]
        for side in (bounded.difference_low, bounded.difference_high)
    ]
    if style.is_control:
        for ends in zip(*sides, strict=True):
            bar = [(x, min(max(y, low), high)) for x, y in ends]
            svg.line(plot.picture, bar, style.color)
        svg.line(plot.picture, points, f"thin {style.color}", "2 3")
    else:
        start = [points[0]] if rows.level.iloc[0] == 0 else []
        outline = geometry.clipped([*start, *sides[0], *sides[1][::-1]], low, high)
        svg.area(plot.picture, outline, style.color)
        svg.line(plot.picture, points, style.color, style.dash)
    kind = "hollow" if style.is_control else "mark"
    for row, (x, y) in zip(rows.itertuples(), points, strict=True):
        if row.level > 0:
            svg.marker(plot.picture, style.marker, x, y, f"{kind} {style.color}", _title(row))
    name = display_name(str(rows.arm.iloc[0]))
    is_at_the_end = points[-1][0] > RIGHT - 20
    end = points[-1] if is_at_the_end else None
    plot.labels.append((points[-1][1], name, f"{kind} {style.color} {style.marker}", end))


def _title(row: Any) -> str:
    bounds = interval(row.difference_low, row.difference_high, sign=True)
    uncertain = "" if pd.isna(row.difference_low) else f" (95 % interval {bounds})"
    return (
        f"{display_name(row.arm)}, level {int(row.level)}: {signed(row.difference)} points"
        f"{uncertain}, {fixed(row.accuracy)} % with {share(1 - row.sparsity)} of weights, "
        f"seeds: {int(row.n)}"
    )


def _labels(plot: _Plot) -> None:
    """The name of each line, at its end or beside its marker."""
    wanted = [label[0] for label in plot.labels]
    heights = geometry.spread(wanted, GAP, plot.y.end + 2, plot.y.start)
    for height, (_, text, kind, end) in zip(heights, plot.labels, strict=True):
        if end:
            path = [end, (RIGHT + 2, end[1]), (RIGHT + 10, height)]
            color = kind.split()[1] if " " in kind else kind
            svg.line(plot.picture, path, f"leader {color}")
        sample = kind.split()
        if len(sample) == 3:
            svg.symbol(plot.picture, sample[2], RIGHT + 15, height, " ".join(sample[:2]))
        elif kind:
            svg.line(plot.picture, [(RIGHT + 10, height), (RIGHT + 20, height)], kind)
        x = RIGHT + (24 if kind else 10)
        svg.add(plot.picture, "text", text, x=x, y=height + 4, class_="label")
