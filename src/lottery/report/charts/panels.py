"""The smaller charts: barriers, densities and learning curves."""

import pandas as pd
from markupsafe import Markup

from lottery.analysis import barriers
from lottery.report.charts import legends, svg
from lottery.report.formats import fixed, share
from lottery.report.names import cell_title, display_name
from lottery.report.styles import PAGE_LINE_KINDS, PAGE_MOMENTS

KINDS = {kind: (*style, barriers.KINDS[kind]) for kind, style in PAGE_LINE_KINDS.items()}
"""Color, marker, dash and name of the lines between trained networks."""
BARRIERS = {"test_error": "test error, points", "train_loss": "training loss, nats"}
CURVES = {"validation_accuracy": "validation accuracy, %", "train_loss": "training loss, nats"}


def connectivity(cell: str, lines: pd.DataFrame) -> Markup:
    """Barriers by level: the line is the mean over seeds, each small point one seed.

    ``lines`` is what :func:`lottery.analysis.barriers.barriers` takes.
    """
    rises = barriers.barriers(lines)
    picture = svg.chart(
        420, 350, f"{cell_title(cell)}: barriers of test error and training loss by level"
    )
    x = svg.Scale(rises.level.min() - 0.4, rises.level.max() + 0.4, 48, 410)
    for index, (name, title) in enumerate(BARRIERS.items()):
        top = 26 + 168 * index
        y_ticks = svg.ticks(0, float(rises[name].max()), 4)
        y = svg.Scale(y_ticks[0], y_ticks[-1], top + 110, top)
        is_last = index == len(BARRIERS) - 1
        svg.axes(picture, x, y, _whole_ticks(rises.level), y_ticks, "level" if is_last else "")
        svg.add(picture, "text", f"barrier, {title}", x=48, y=top - 12, class_="panel")
        for kind, rows in rises.groupby("kind", sort=False):
            color, marker, dash, meaning = KINDS[str(kind)]
            means = rows.groupby("level")[name].mean()
            points = [(x(level), y(value)) for level, value in means.items()]
            svg.line(picture, points, color, dash)
            for row in rows.itertuples():
                value = getattr(row, name)
                text = f"{meaning}, level {row.level}, seed {row.seed}: {fixed(value, 3)}"
                svg.marker(picture, "circle", x(row.level), y(value), f"mark tiny {color}", text)
            for level, value in means.items():
                text = f"{meaning}, level {level}, mean: {fixed(value, 3)}"
                svg.marker(picture, marker, x(level), y(value), f"mark {color}", text)
    return svg.markup(picture)


def density(cell: str, strategy: str, tensors: pd.DataFrame) -> Markup:
    """The percentage of weights remaining in each tensor at each level, over all seeds.

    The darker, the more weights remain; the last row is all tensors together. ``tensors`` has
    seed, level, parameter, remaining and size.
    """
    sums = tensors.groupby(["parameter", "level"], sort=False)[["remaining", "size"]].sum()
    totals = sums.groupby("level").sum()
    totals.index = pd.MultiIndex.from_product([["all"], totals.index])
    counts = pd.concat([sums, totals])
    names = [*tensors.parameter.unique(), "all"]
    levels = sorted(tensors.level.unique())
    row_height, start, end = 15, 150, 366
    bottom = row_height * len(names)
    of = f"{cell_title(cell)}, {display_name(strategy)}"
    label = f"{of}: percent of weights remaining in each tensor by level"
    picture = svg.chart(370, bottom + 46, label)
    x = svg.Scale(levels[0] - 0.5, levels[-1] + 0.5, start, end)
    width = x(levels[0] + 0.5) - start
    for (name, level), (remaining, size) in zip(counts.index, counts.to_numpy(), strict=True):
        percent = 100 * remaining / size if size else 0.0
        box = svg.add(
            picture,
            "rect",
            x=x(level - 0.5),
            y=row_height * names.index(name),
            width=width - 1,
            height=row_height - 1,
            fill_opacity=legends.opacity(percent),
            class_="heat",
        )
        svg.add(
            box, "title", f"{name}, level {level}: {share(percent / 100)} of {int(size):,} weights"
        )
    axes = svg.add(picture, "g", class_="axes fine")
    for index, name in enumerate(names):
        svg.add(axes, "text", str(name), x=start - 8, y=row_height * index + 11, class_="end")
    for level in _whole_ticks(pd.Series(levels)):
        svg.add(axes, "text", f"{level:g}", class_="middle", x=x(level), y=bottom + 14)
    svg.add(axes, "text", "level", x=(start + end) / 2, y=bottom + 34, class_="middle")
    return svg.markup(picture)


def learning(cell: str, strategy: str, epochs: pd.DataFrame, moments: dict[str, int]) -> Markup:
    """Validation accuracy and train loss by epoch, means over seeds.

    ``moments`` are the levels to draw, by a key of ``styles.PAGE_MOMENTS``. ``epochs`` has the rows
    of all strategies of the cell, so that their charts share the same axes.
    """
    label = f"{cell_title(cell)}, {display_name(strategy)}: learning curves of {', '.join(moments)}"
    picture = svg.chart(300, 330, label)
    of_strategy = epochs[epochs.arm == strategy]
    x = svg.Scale(0.7, max(float(epochs.epoch.max()), 1) + 0.3, 42, 292)
    for index, (name, title) in enumerate(CURVES.items()):
        top = 26 + 158 * index
        means = epochs.groupby(["arm", "level", "epoch"])[name].mean()
        y_ticks = svg.ticks(float(means.min()), float(means.max()), 4)
        y = svg.Scale(y_ticks[0], y_ticks[-1], top + 100, top)
        is_last = index == len(CURVES) - 1
        svg.axes(picture, x, y, _whole_ticks(epochs.epoch), y_ticks, "epoch" if is_last else "")
        svg.add(picture, "text", title, x=42, y=top - 12, class_="panel")
        for moment, level in moments.items():
            color, marker, dash, _ = PAGE_MOMENTS[moment]
            rows = of_strategy[of_strategy.level == level]
            mean = rows.groupby("epoch")[name].mean().dropna()
            points = [(x(epoch), y(value)) for epoch, value in mean.items()]
            svg.line(picture, points, color, dash)
            for point, (epoch, value) in zip(points, mean.items(), strict=True):
                text = f"{moment} (level {level}), epoch {epoch}: {fixed(value, 3)}"
                svg.marker(picture, marker, *point, f"mark {color}", text)
    return svg.markup(picture)


def _whole_ticks(values: pd.Series) -> list[float]:
    """At most eleven whole numbers from the smallest value to the largest."""
    low, high = float(values.min()), float(values.max())
    step = next(step for step in (1, 2, 5, 10, 20, 50, 10**9) if (high - low) / step <= 10)
    return [low + step * index for index in range(int((high - low) / step) + 1)]
