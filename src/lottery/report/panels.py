"""The smaller charts of a cell: barriers, survivors, learning, and a contrast's interval."""

from typing import Any

import pandas as pd
from markupsafe import Markup

from lottery.analysis import barriers
from lottery.report import legends, svg
from lottery.report.formats import fixed, interval, signed
from lottery.report.styles import words

KINDS = {  # colour, marker, dash, words
    "levels": ("c0", "circle", "", barriers.KINDS["levels"]),
    "orders": ("c1", "square", "6 3", barriers.KINDS["orders"]),
}
BARRIERS = {"test_error": "test error, points", "train_loss": "train loss"}
MOMENTS = {
    "dense": ("grey", "circle", "", "dense"),
    "ticket": ("c0", "square", "6 3", "ticket"),
    "last level": ("c1", "triangle", "7 3 1.5 3", "last level"),
}
CURVES = {"validation_accuracy": "validation accuracy, %", "train_loss": "train loss"}


def connectivity(cell: str, paths: pd.DataFrame) -> Markup:
    """Barriers by level: the line is the mean over seeds, small points are the seeds."""
    rises = barriers.barriers(paths)
    picture = svg.chart(420, 350, f"{cell}: barriers of test error and train loss by level")
    x = svg.Scale(rises.level.min() - 0.4, rises.level.max() + 0.4, 48, 410)
    for place, (name, title) in enumerate(BARRIERS.items()):
        top = 26 + 168 * place
        rows = svg.ticks(0, float(rises[name].max()), 4)
        y = svg.Scale(rows[0], rows[-1], top + 110, top)
        last = place == len(BARRIERS) - 1
        svg.axes(picture, x, y, _whole(rises.level), rows, "level" if last else "")
        svg.add(picture, "text", f"barrier, {title}", x=48, y=top - 12, class_="panel")
        for kind, own in rises.groupby("kind", sort=False):
            colour, shape, dash, meaning = KINDS[str(kind)]
            means = own.groupby("level")[name].mean()
            points = [(x(level), y(value)) for level, value in means.items()]
            svg.line(picture, points, colour, dash)
            for row in own.itertuples():
                at = x(row.level), y(getattr(row, name))
                text = f"{meaning}, level {row.level}, seed {row.seed}"
                value = fixed(getattr(row, name), 3)
                svg.marker(picture, "circle", *at, f"mark tiny {colour}", f"{text}: {value}")
            for level, value in means.items():
                text = f"{meaning}, level {level}, mean: {fixed(value, 3)}"
                svg.marker(picture, shape, x(level), y(value), f"mark {colour}", text)
    return svg.done(picture)


def survivors(cell: str, strategy: str, tensors: pd.DataFrame) -> Markup:
    """Weights remaining in each tensor at each level, summed over seeds; darker keeps more."""
    sums = tensors.groupby(["parameter", "level"], sort=False)[["alive", "size"]].sum()
    totals = sums.groupby("level").sum()
    totals.index = pd.MultiIndex.from_product([["all"], totals.index])
    shares = pd.concat([sums, totals])
    names = [*tensors.parameter.unique(), "all"]
    levels = sorted(tensors.level.unique())
    row, left = 15, 150
    label = f"{cell}, {words(strategy)}: percent of weights remaining in each tensor by level"
    picture = svg.chart(370, row * len(names) + 46, label)
    x = svg.Scale(levels[0] - 0.5, levels[-1] + 0.5, left, 366)
    width = x(levels[0] + 0.5) - left
    for (name, level), (alive, size) in zip(shares.index, shares.to_numpy(), strict=True):
        part = 100 * alive / size if size else 0.0
        box = svg.add(
            picture,
            "rect",
            x=x(level - 0.5),
            y=row * names.index(name),
            width=width - 1,
            height=row - 1,
            fill_opacity=legends.shade(part),
            class_="heat",
        )
        svg.add(box, "title", f"{name}, level {level}: {part:.3g} % of {int(size):,} weights")
    axes = svg.add(picture, "g", class_="axes fine")
    for place, name in enumerate(names):
        svg.add(axes, "text", str(name), x=left - 8, y=row * place + 11, class_="end")
    for level in _whole(pd.Series(levels)):
        at = {"x": x(level), "y": row * len(names) + 14}
        svg.add(axes, "text", f"{level:g}", class_="middle", **at)
    svg.add(axes, "text", "level", x=(left + 366) / 2, y=row * len(names) + 34, class_="middle")
    return svg.done(picture)


def learning(cell: str, strategy: str, epochs: pd.DataFrame, shown: dict[str, int]) -> Markup:
    """Validation accuracy and train loss by epoch, means over seeds.

    ``epochs`` is one cell's, all strategies: the axes are shared. ``shown`` names levels.
    """
    label = f"{cell}, {words(strategy)}: learning curves of {', '.join(shown)}"
    picture = svg.chart(300, 330, label)
    own = epochs[epochs.strategy == strategy]
    x = svg.Scale(0.7, max(float(epochs.epoch.max()), 1) + 0.3, 42, 292)
    for place, (name, title) in enumerate(CURVES.items()):
        top = 26 + 158 * place
        means = epochs.groupby(["strategy", "level", "epoch"])[name].mean()
        rows = svg.ticks(float(means.min()), float(means.max()), 4)
        y = svg.Scale(rows[0], rows[-1], top + 100, top)
        svg.axes(picture, x, y, _whole(epochs.epoch), rows, "epoch" if place else "")
        svg.add(picture, "text", title, x=42, y=top - 12, class_="panel")
        for moment, level in shown.items():
            colour, shape, dash, _ = MOMENTS[moment]
            mean = own[own.level == level].groupby("epoch")[name].mean().dropna()
            points = [(x(epoch), y(value)) for epoch, value in mean.items()]
            svg.line(picture, points, colour, dash)
            for (left, height), (epoch, value) in zip(points, mean.items(), strict=True):
                text = f"{moment} (level {level}), epoch {epoch}: {fixed(value, 3)}"
                svg.marker(picture, shape, left, height, f"mark {colour}", text)
    return svg.done(picture)


def effect(row: dict[str, Any], low: float, high: float) -> Markup:
    """A contrast's effect and 95 % interval between ``low`` and ``high``, with a line at none."""
    bounds = "" if pd.isna(row["low"]) else f", 95 % interval {interval(row['low'], row['high'])}"
    label = f"effect {signed(row['effect'])}{bounds}"
    if pd.isna(row["effect"]):
        label = "no effect was measured"
    picture = svg.chart(140, 20, label)
    x = svg.Scale(low, high, 6, 134)
    svg.line(picture, [(x(0), 1), (x(0), 19)], "zero", "2 2")
    if not pd.isna(row["low"]):
        svg.line(picture, [(x(row["low"]), 10), (x(row["high"]), 10)], "interval")
    if not pd.isna(row["effect"]):
        svg.marker(picture, "circle", x(row["effect"]), 10, "mark ink", label)
    return svg.done(picture)


def _whole(values: pd.Series) -> list[float]:
    low, high = float(values.min()), float(values.max())
    step = next(step for step in (1, 2, 5, 10, 20, 50, 10**9) if (high - low) / step <= 10)
    return [low + step * place for place in range(int((high - low) / step) + 1)]
