"""The chart that the study is about: test accuracy against the weights that remain."""

import pandas as pd
from markupsafe import Markup

from lottery.report import svg
from lottery.report.formats import fixed, interval
from lottery.report.reference import ARMS
from lottery.report.styles import PUBLISHED, Style, words

WIDTH, HEIGHT = 480, 350
TICKS = [100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1]


def accuracy(
    cell: str,
    levels: pd.DataFrame,
    tickets: pd.DataFrame,
    published: pd.DataFrame,
    drawn: dict[str, Style],
) -> Markup:
    """Mean accuracies with their 95 % intervals; ``published`` curves behind them, in grey.

    ``levels`` and ``tickets`` are one cell's rows of the report's content, ``published`` those of
    :func:`lottery.report.reference.curves` for the same cell, perhaps none.
    """
    levels = levels.assign(remaining=100 * (1 - levels.sparsity))
    label = (
        f"{cell}: test accuracy in percent against the share of weights remaining, "
        f"for {', '.join(words(name) for name in levels.strategy.unique())}"
    )
    picture = svg.chart(WIDTH, HEIGHT, label)
    # Sparser than anything of ours it would only flatten our curves.
    published = published[published.remaining > 0.95 * levels.remaining.min()]
    heights = [levels.accuracy, levels.low, levels.high, tickets.test_accuracy]
    x, y = _frame(
        picture,
        pd.concat([levels.remaining, published.remaining]),
        pd.concat([*heights, published.test_accuracy]),
    )
    _published(picture, published, x, y)
    _dense(picture, levels, x, y)
    aside = _aside(drawn, list(levels.strategy.unique()))
    for strategy, own in levels.groupby("strategy", sort=False):
        shift = aside.get(str(strategy), 0)
        _strategy(picture, str(strategy), own.sort_values("level"), drawn[strategy], x, y, shift)
    for row in tickets.dropna(subset=["sparsity", "test_accuracy"]).itertuples():
        title = (
            f"{words(row.strategy)}, the ticket chosen on validation: "
            f"{fixed(row.test_accuracy)} % with {100 * (1 - row.sparsity):.3g} % of weights"
        )
        at = x(100 * (1 - row.sparsity)), y(row.test_accuracy)
        svg.marker(picture, "star", *at, f"star {drawn[row.strategy].colour}", title)
    return svg.done(picture)


def small(cell: str, published: pd.DataFrame) -> Markup:
    """The published curves of a cell alone."""
    arms = ", ".join(ARMS[arm] for arm in published.arm.unique())
    label = f"2020 study, other data: {cell}, test accuracy against weights remaining, {arms}"
    picture = svg.chart(WIDTH, HEIGHT, label)
    x, y = _frame(picture, published.remaining, published.test_accuracy)
    _published(picture, published, x, y)
    return svg.done(picture)


def _frame(
    picture: svg.Element, remaining: pd.Series, heights: pd.Series
) -> tuple[svg.Scale, svg.Scale]:
    low = max(float(remaining.min()), 0.01)  # a level that keeps nothing has no logarithm
    rows = svg.ticks(float(heights.min()), float(heights.max()))
    x = svg.Scale(110, min(low / 1.1, 90), 44, WIDTH - 10, log=True)
    y = svg.Scale(rows[0], rows[-1], HEIGHT - 46, 12)
    shown = [tick for tick in TICKS if tick >= x.last]
    svg.axes(picture, x, y, shown, rows, "weights remaining (%), log scale")
    return x, y


def _published(picture: svg.Element, published: pd.DataFrame, x: svg.Scale, y: svg.Scale) -> None:
    for arm, own in published.groupby("arm", sort=False):
        points = [(x(a), y(b)) for a, b in zip(own.remaining, own.test_accuracy, strict=True)]
        name = f"2020 study, {ARMS[str(arm)]}"
        svg.line(picture, points, "published", PUBLISHED[str(arm)], f"{name}: one trial")
        for row, (left, top) in zip(own.itertuples(), points, strict=True):
            title = f"{name}: {fixed(row.test_accuracy)} % with {row.remaining:.3g} % of weights"
            svg.marker(picture, "circle", left, top, "mark tiny published", title)


def _dense(picture: svg.Element, levels: pd.DataFrame, x: svg.Scale, y: svg.Scale) -> None:
    # Every chain shares the dense runs; the one with the most seeds has all of them.
    dense = levels[levels.level == 0].sort_values("n", ascending=False, kind="stable").head(1)
    for row in dense.itertuples():
        if not pd.isna(row.low):
            edges = ([(x.start, y(value)), (x.end, y(value))] for value in (row.low, row.high))
            svg.band(picture, "grey", *edges)
        ends = [(x.start, y(row.accuracy)), (x.end, y(row.accuracy))]
        title = f"dense: {fixed(row.accuracy)} % (95 % interval {interval(row.low, row.high)})"
        svg.line(picture, ends, "dense", "", title)


def _aside(drawn: dict[str, Style], shown: list[str]) -> dict[str, float]:
    """Controls share their levels: each stands a few pixels beside the next, or they would hide."""
    controls = [name for name, style in drawn.items() if style.control and name in shown]
    return {name: 7 * (place - (len(controls) - 1) / 2) for place, name in enumerate(controls)}


def _strategy(
    picture: svg.Element,
    strategy: str,
    own: pd.DataFrame,
    style: Style,
    x: svg.Scale,
    y: svg.Scale,
    shift: float,
) -> None:
    own = own[own.remaining > 0].dropna(subset=["accuracy"])
    sure = own.dropna(subset=["low", "high"])
    if style.control:
        for row in sure.itertuples():
            ends = [(x(row.remaining) + shift, y(value)) for value in (row.low, row.high)]
            svg.line(picture, ends, style.colour)
    else:
        edges = (
            [(x(a), y(b)) for a, b in zip(sure.remaining, side, strict=True)]
            for side in (sure.low, sure.high)
        )
        svg.band(picture, style.colour, *edges)
        points = [(x(a), y(b)) for a, b in zip(own.remaining, own.accuracy, strict=True)]
        svg.line(picture, points, style.colour, style.dash)
    kind = "hollow" if style.control else "mark"
    for row in own.itertuples():
        sure_of = "" if pd.isna(row.low) else f" (95 % interval {interval(row.low, row.high)})"
        title = (
            f"{words(strategy)}, level {int(row.level)}: {fixed(row.accuracy)} %{sure_of} "
            f"with {row.remaining:.3g} % of weights, seeds: {int(row.n)}"
        )
        at = x(row.remaining) + shift, y(row.accuracy)
        svg.marker(picture, style.marker, *at, f"{kind} {style.colour}", title)
