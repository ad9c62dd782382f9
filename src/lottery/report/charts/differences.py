"""The main chart: the difference to the dense network against the weights that remain."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from lottery.report.charts import geometry, svg
from lottery.report.charts.difference_axes import LEFT, RIGHT, Panel, Plot, axes
from lottery.report.formats import fixed, interval, share, signed
from lottery.report.names import display_name
from lottery.report.reference import ARMS
from lottery.report.styles import PUBLISHED_DASHES, Style

GAP = 14.5
"""Between two labels: a line of text, also at the larger size of a phone."""


def differences(panel: Panel, styles: Mapping[str, Style]) -> Markup:
    """Mean differences to dense on the same seeds, in points, with their 95 % t intervals.

    Each line is named at its end. The gray band is the margin. Other classifiers that lie outside
    the axis are named at its edge, with an arrow. Stars in a row of their own are tickets.
    """
    levels = panel.levels.assign(remaining=100 * (1 - panel.levels.sparsity))
    levels = levels[(levels.remaining > 0) & levels.difference.notna()]
    tickets = panel.tickets.dropna(subset=["sparsity", "test_accuracy"])
    plot = axes(panel, levels, tickets, styles)
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


def _classifiers(plot: Plot, panel: Panel) -> None:
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


def _published(plot: Plot, published: pd.DataFrame) -> None:
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


def _arm(plot: Plot, rows: pd.DataFrame, style: Style, shift: float) -> None:
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


def _labels(plot: Plot) -> None:
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
