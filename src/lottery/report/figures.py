"""The figures, drawn from tidy tables with Matplotlib; readable at half a page.

Colors, markers and dashes come from :mod:`lottery.report.styles`, as the page's do.
"""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from lottery.analysis import barriers
from lottery.report.canvas import RC
from lottery.report.formats import share
from lottery.report.names import cell_title, display_name
from lottery.report.styles import (
    DENSITY_MAP,
    FIGURE_MOMENTS,
    GRID,
    LINES,
    Line,
)


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
        figure.suptitle(cell_title(cell))
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
            **look(FIGURE_MOMENTS[name]),
            label=f"{name} ({share(remaining / 100)})",
        )
    panel.set_xlabel("epochs since initialization")
    last = int(epochs.epoch.max())
    panel.set_xticks(range(1, last + 1, max(1, last // 5)))
    panel.set_xlim(0.8, last + 0.2)
    panel.legend(fontsize=9)
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
            panel.set_yticks(range(len(names)), names, fontsize=9)
            panel.set_xlabel("level")
            panel.set_title(display_name(strategy))
            for side in panel.spines.values():
                side.set_visible(False)
        bar = figure.colorbar(image, ax=list(panels), label="weights remaining (%)")
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        figure.suptitle(f"{cell_title(cell)}: weights remaining in each tensor")
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
                panel.plot(mean.index, mean, **look(style), label=barriers.KINDS[str(kind)])
                panel.plot(rows.level, rows[name], ".", color=style.color, ms=4, alpha=0.6)
            panel.set_xticks(sorted(rises.level.unique()))
            panel.set_xlabel("level")
            panel.set_ylabel(f"barrier, {label}")
            panel.grid(axis="y", color=GRID)
        panels[0].legend(fontsize=9)
        figure.suptitle(f"{cell_title(cell)}: barriers between trained winning tickets")
    return figure


def look(style: Line) -> dict[str, Any]:
    """``style`` as keyword arguments of Matplotlib's ``plot``."""
    return {"color": style.color, "marker": style.figure_marker, "ls": style.figure_dash}
