"""The figures, drawn from tidy tables with Matplotlib; readable at half a page.

Colors, markers and dashes come from :mod:`lottery.report.styles`, as the page's do.
"""

from itertools import chain
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lottery.analysis import barriers
from lottery.report.canvas import RC
from lottery.report.formats import share
from lottery.report.styles import (
    DENSE,
    DENSE_BAND,
    DENSITY_MAP,
    FIGURE_MOMENTS,
    GRID,
    LINES,
    Line,
    display_name,
    lines,
    remaining_ticks,
)


def accuracy(curves: dict[str, pd.DataFrame], columns: int = 2) -> Figure:
    """Test accuracy against remaining weights, one panel per cell.

    A line is the mean over seeds, its band runs from the worst seed to the best (no band with one
    seed). The gray line is the dense network; a star marks the ticket chosen on validation.
    ``curves`` has a table per cell, as in ``plots/curves``.
    """
    columns = min(columns, len(curves))
    rows = -(-len(curves) // columns)
    styles = lines(chain.from_iterable(levels.arm for levels in curves.values()))
    with mpl.rc_context(RC):
        figure = Figure(figsize=(5.2 * columns, 3.4 * rows))
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for panel, (cell, levels) in zip(panels, curves.items(), strict=False):
            _draw_accuracy(panel, cell, levels, styles)
        for panel in panels[len(curves) :]:
            panel.set_axis_off()
        handles, labels = panels[0].get_legend_handles_labels()
        # Two names are as wide as a panel; each row of the legend is a quarter of an inch high.
        legend_rows = -(-len(labels) // (2 * columns))
        figure.set_figheight(3.4 * rows + 0.25 * legend_rows)
        figure.legend(handles, labels, loc="outside lower center", ncols=2 * columns)
    return figure


def _draw_accuracy(panel: Axes, cell: str, levels: pd.DataFrame, styles: dict[str, Line]) -> None:
    dense = levels[levels.level == 0].drop_duplicates("seed").test_accuracy
    panel.axhline(dense.mean(), color=DENSE, lw=1, label="dense")
    seeds = levels.seed.nunique()
    if seeds > 1:
        panel.axhspan(dense.min(), dense.max(), color=DENSE_BAND, alpha=0.15, lw=0)
    for arm, rows in levels.groupby("arm", sort=False):
        style = styles[str(arm)]
        by_level = rows.groupby("level")
        x, y = by_level.remaining.mean(), by_level.test_accuracy
        panel.plot(x, y.mean(), **_look(style), ms=4, lw=1.5, label=display_name(str(arm)))
        if seeds > 1:
            panel.fill_between(x, y.min(), y.max(), color=style.color, alpha=0.15, lw=0)
        ticket = rows[rows.chosen]
        if len(ticket):
            point = ticket.remaining.mean(), ticket.test_accuracy.mean()
            panel.plot(*point, "*", color=style.color, mec="black", ms=14, zorder=5)
    _set_remaining_axis(panel, levels.remaining)
    panel.set_ylabel("test accuracy (%)")
    panel.set_title(f"{cell} ({seeds} seed{'s' if seeds > 1 else ''})")
    panel.grid(axis="y", color=GRID)


def _set_remaining_axis(panel: Axes, remaining: pd.Series) -> None:
    """The field's convention: weights remaining on a log axis, from all of them to few."""
    panel.set_xscale("log")
    low = float(remaining[remaining > 0].min())  # no weights at all would have no logarithm
    panel.set_xlim(115, low / 1.15)
    panel.xaxis.set_major_locator(FixedLocator(remaining_ticks(low / 1.1)))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.set_xlabel("weights remaining (%)")


def learning(epochs: pd.DataFrame, levels: pd.DataFrame, cell: str) -> Figure:
    """Validation accuracy by epoch: the dense network, the chosen ticket and the last level.

    One panel per strategy, means over seeds. ``epochs`` has arm, seed, level, epoch and
    validation_accuracy; ``levels`` is the cell's table in ``plots/curves``.
    """
    strategies = list(epochs.arm.unique())
    with mpl.rc_context(RC):
        figure = Figure(figsize=(3.4 * len(strategies) + 0.4, 3.6))
        panels = figure.subplots(1, len(strategies), squeeze=False, sharey=True)[0]
        for panel, strategy in zip(panels, strategies, strict=True):
            of_strategy = epochs[epochs.arm == strategy]
            _draw_learning(panel, of_strategy, levels[levels.arm == strategy])
            panel.set_title(display_name(strategy))
        panels[0].set_ylabel("validation accuracy (%)")
        figure.suptitle(cell)
    return figure


def _draw_learning(panel: Axes, epochs: pd.DataFrame, levels: pd.DataFrame) -> None:
    moments = {0: "dense", int(epochs.level.max()): "last level"}
    for level in levels.level[levels.chosen].unique():
        moments[int(level)] = "ticket"
    for level, name in sorted(moments.items()):
        mean = epochs[epochs.level == level].groupby("epoch").validation_accuracy.mean()
        remaining = levels.remaining[levels.level == level].mean()
        panel.plot(
            mean.index,
            mean,
            **_look(FIGURE_MOMENTS[name]),
            label=f"{name} ({share(remaining / 100)})",
        )
    panel.set_xlabel("epochs since initialization")
    last = int(epochs.epoch.max())
    panel.set_xticks(range(1, last + 1, max(1, last // 5)))
    panel.set_xlim(0.8, last + 0.2)
    panel.legend(fontsize=8)
    panel.grid(axis="y", color=GRID)


def density(tensors: pd.DataFrame, cell: str) -> Figure:
    """The percentage of weights remaining in each tensor at each level, one panel per strategy.

    The last row is all tensors together. ``tensors`` has arm, seed, level, parameter, remaining
    and size.
    """
    sums = tensors.groupby(["arm", "level", "parameter"], sort=False)[["remaining", "size"]].sum()
    totals = sums.groupby(["arm", "level"], sort=False).sum()
    strategies = list(tensors.arm.unique())
    names = [*tensors.parameter.unique(), "all"]
    with mpl.rc_context(RC):
        height = 0.24 * len(names) + 1.6
        width = max(2.6, 0.34 * tensors.level.nunique())
        figure = Figure(figsize=(width * len(strategies) + 2.6, height))
        panels = figure.subplots(1, len(strategies), squeeze=False, sharey=True)[0]
        for panel, strategy in zip(panels, strategies, strict=True):
            shares = (sums.remaining / sums["size"]).loc[strategy].unstack("level")
            shares = shares.reindex(names)
            shares.loc["all"] = (totals.remaining / totals["size"]).loc[strategy]
            image = panel.imshow(
                100 * np.maximum(shares.to_numpy(float), 1e-4),
                norm=mpl.colors.LogNorm(1, 100),
                cmap=DENSITY_MAP,
                aspect="auto",
            )
            step = max(1, shares.shape[1] // 7)
            panel.set_xticks(range(0, shares.shape[1], step), shares.columns[::step])
            panel.set_yticks(range(len(names)), names, fontsize=8)
            panel.set_xlabel("level")
            panel.set_title(display_name(strategy))
            for side in panel.spines.values():
                side.set_visible(False)
        bar = figure.colorbar(image, ax=list(panels), label="weights remaining (%)")
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        figure.suptitle(f"{cell}: weights remaining in each tensor")
    return figure


def connectivity(rises: pd.DataFrame, cell: str) -> Figure:
    """Barriers of test error and train loss by level: a line for the mean, a point per seed.

    ``rises`` comes from :func:`lottery.analysis.barriers.barriers`.
    """
    labels = {"test_error": "test error (points)", "train_loss": "training loss (nats)"}
    with mpl.rc_context(RC):
        figure = Figure(figsize=(7.6, 3.4))
        panels = figure.subplots(1, len(labels))
        for panel, (name, label) in zip(panels, labels.items(), strict=True):
            for (kind, rows), style in zip(rises.groupby("kind"), LINES, strict=False):
                mean = rows.groupby("level")[name].mean()
                panel.plot(mean.index, mean, **_look(style), label=barriers.KINDS[str(kind)])
                panel.plot(rows.level, rows[name], ".", color=style.color, ms=4, alpha=0.6)
            panel.set_xticks(sorted(rises.level.unique()))
            panel.set_xlabel("level")
            panel.set_ylabel(f"barrier, {label}")
            panel.grid(axis="y", color=GRID)
        panels[0].legend(fontsize=8)
        figure.suptitle(f"{cell}: barriers between trained winning tickets")
    return figure


def _look(style: Line) -> dict[str, Any]:
    """``style`` as keyword arguments of Matplotlib's ``plot``."""
    return {"color": style.color, "marker": style.figure_marker, "ls": style.figure_dash}
