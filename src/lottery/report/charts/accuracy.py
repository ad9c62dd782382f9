"""The main chart: test accuracy against the weights that remain."""

from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup

from lottery.report.charts import svg
from lottery.report.formats import fixed, interval, share
from lottery.report.reference import ARMS
from lottery.report.styles import PUBLISHED_DASHES, Style, display_name, remaining_ticks

WIDTH, HEIGHT = 480, 350


class _Plot(NamedTuple):
    """A picture with its axes: x is percent of weights remaining, y test accuracy in percent."""

    picture: svg.Element
    x: svg.Scale
    y: svg.Scale


def accuracy(
    cell: str,
    levels: pd.DataFrame,
    tickets: pd.DataFrame,
    published: pd.DataFrame,
    styles: dict[str, Style],
) -> Markup:
    """Mean accuracies with their 95 % intervals, and the ``published`` curves behind them in gray.

    ``levels`` and ``tickets`` are the cell's rows of :class:`lottery.report.content.Content`,
    ``published`` its rows of :func:`lottery.report.reference.curves`, perhaps none.
    """
    levels = levels.assign(remaining=100 * (1 - levels.sparsity))
    strategies = list(levels.arm.unique())
    label = (
        f"{cell}: test accuracy in percent against the share of weights remaining, "
        f"for {', '.join(display_name(name) for name in strategies)}"
    )
    # A published curve that goes on to sparser networks than ours would only flatten ours.
    published = published[published.remaining > 0.95 * levels.remaining.min()]
    heights = [levels.accuracy, levels.low, levels.high, tickets.test_accuracy]
    plot = _plot(
        label,
        pd.concat([levels.remaining, published.remaining]),
        pd.concat([*heights, published.test_accuracy]),
    )
    _draw_published(plot, published)
    _draw_dense(plot, levels)
    shifts = _shifts(styles, strategies)
    for arm, rows in levels.groupby("arm", sort=False):
        name = str(arm)
        rows = rows[rows.remaining > 0].dropna(subset=["accuracy"]).sort_values("level")
        if styles[name].is_control:
            _draw_error_bars(plot, rows, styles[name], shifts[name])
        else:
            _draw_line(plot, rows, styles[name])
        _draw_points(plot, rows, styles[name], shifts.get(name, 0))
    for row in tickets.dropna(subset=["sparsity", "test_accuracy"]).itertuples():
        title = (
            f"{display_name(row.arm)}, the ticket chosen on validation: "
            f"{fixed(row.test_accuracy)} % with {share(1 - row.sparsity)} of weights"
        )
        x, y = plot.x(100 * (1 - row.sparsity)), plot.y(row.test_accuracy)
        svg.marker(plot.picture, "star", x, y, f"star {styles[row.arm].color}", title)
    return svg.markup(plot.picture)


def published_accuracy(cell: str, published: pd.DataFrame) -> Markup:
    """The published curves of a cell that this run does not have."""
    arms = ", ".join(ARMS[arm] for arm in published.arm.unique())
    label = f"2020 study, other data: {cell}, test accuracy against weights remaining, {arms}"
    plot = _plot(label, published.remaining, published.test_accuracy)
    _draw_published(plot, published)
    return svg.markup(plot.picture)


def _plot(label: str, remaining: pd.Series, heights: pd.Series) -> _Plot:
    """Empty axes with room for all of these values."""
    picture = svg.chart(WIDTH, HEIGHT, label)
    low = float(remaining[remaining > 0].min())  # no weights at all would have no logarithm
    y_ticks = svg.ticks(float(heights.min()), float(heights.max()))
    x = svg.Scale(110, min(low / 1.1, 90), 44, WIDTH - 10, log=True)
    y = svg.Scale(y_ticks[0], y_ticks[-1], HEIGHT - 46, 12)
    title = "weights remaining (%), log scale"
    svg.axes(picture, x, y, remaining_ticks(x.last), y_ticks, title)
    return _Plot(picture, x, y)


def _draw_published(plot: _Plot, published: pd.DataFrame) -> None:
    for arm, rows in published.groupby("arm", sort=False):
        points = _points(plot, rows.remaining, rows.test_accuracy)
        name = f"2020 study, {ARMS[str(arm)]}"
        dash = PUBLISHED_DASHES[str(arm)]
        svg.line(plot.picture, points, "published", dash, f"{name}: one trial")
        for row, (x, y) in zip(rows.itertuples(), points, strict=True):
            remaining = share(row.remaining / 100)
            title = f"{name}: {fixed(row.test_accuracy)} % with {remaining} of weights"
            svg.marker(plot.picture, "circle", x, y, "mark tiny published", title)


def _draw_dense(plot: _Plot, levels: pd.DataFrame) -> None:
    # All strategies share the dense runs; the one with the most seeds has all of them.
    dense = levels[levels.level == 0].sort_values("n", ascending=False, kind="stable").head(1)
    ends = plot.x.start, plot.x.end
    for row in dense.itertuples():
        if not pd.isna(row.low):
            edges = ([(x, plot.y(value)) for x in ends] for value in (row.low, row.high))
            svg.band(plot.picture, "grey", *edges)
        points = [(x, plot.y(row.accuracy)) for x in ends]
        title = f"dense: {fixed(row.accuracy)} %{_bounds(row)}"
        svg.line(plot.picture, points, "dense", "", title)


def _shifts(styles: dict[str, Style], strategies: list[str]) -> dict[str, float]:
    """How many pixels to the right each control is drawn.

    Controls share their levels; without a shift they would hide each other.
    """
    controls = [name for name, style in styles.items() if style.is_control and name in strategies]
    return {name: 7 * (index - (len(controls) - 1) / 2) for index, name in enumerate(controls)}


def _draw_error_bars(plot: _Plot, rows: pd.DataFrame, style: Style, shift: float) -> None:
    for row in rows.dropna(subset=["low", "high"]).itertuples():
        ends = [(plot.x(row.remaining) + shift, plot.y(value)) for value in (row.low, row.high)]
        svg.line(plot.picture, ends, style.color)


def _draw_line(plot: _Plot, rows: pd.DataFrame, style: Style) -> None:
    bounded = rows.dropna(subset=["low", "high"])
    edges = (_points(plot, bounded.remaining, side) for side in (bounded.low, bounded.high))
    svg.band(plot.picture, style.color, *edges)
    points = _points(plot, rows.remaining, rows.accuracy)
    svg.line(plot.picture, points, style.color, style.dash)


def _draw_points(plot: _Plot, rows: pd.DataFrame, style: Style, shift: float) -> None:
    kind = "hollow" if style.is_control else "mark"
    for row in rows.itertuples():
        remaining = share(1 - row.sparsity)
        measured = f"{fixed(row.accuracy)} %{_bounds(row)} with {remaining} of weights"
        name = f"{display_name(row.arm)}, level {int(row.level)}"
        title = f"{name}: {measured}, seeds: {int(row.n)}"
        x, y = plot.x(row.remaining) + shift, plot.y(row.accuracy)
        svg.marker(plot.picture, style.marker, x, y, f"{kind} {style.color}", title)


def _bounds(row: Any) -> str:
    return "" if pd.isna(row.low) else f" (95 % interval {interval(row.low, row.high)})"


def _points(plot: _Plot, remaining: pd.Series, heights: pd.Series) -> list[tuple[float, float]]:
    return [(plot.x(a), plot.y(b)) for a, b in zip(remaining, heights, strict=True)]
