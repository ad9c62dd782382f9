"""Pictures from tidy tables: the same bytes each time, readable at half a page.

Colours are Okabe and Ito's, which the colour-blind tell apart; each strategy has its own marker
and line too.
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lottery.analysis import barriers
from lottery.files import replacing

STYLES = [
    ("#0072B2", "o", "-"),
    ("#D55E00", "s", "--"),
    ("#009E73", "^", "-."),
    ("#CC79A7", "D", ":"),
    ("#E69F00", "v", (0, (5, 1))),
    ("#56B4E9", "P", (0, (3, 1, 1, 1))),
]
LEVEL_STYLES = {"dense": ("0.35", "o", "-"), "ticket": STYLES[0], "last level": STYLES[1]}
RC: dict[Any, Any] = {
    "svg.hashsalt": "lottery",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
TICKS = [100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1]


def accuracy(curves: dict[str, pd.DataFrame], columns: int = 2) -> Figure:
    """Test accuracy against remaining weights, a panel for each cell's curves.

    A line is the mean over seeds, its band the smallest to the largest (none with one seed); the
    grey line is the dense network; a star marks the ticket chosen on validation.
    """
    columns = min(columns, len(curves))
    rows = -(-len(curves) // columns)
    with mpl.rc_context(RC):
        figure = Figure(figsize=(5.2 * columns, 3.4 * rows))
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for panel, (cell, levels) in zip(panels, curves.items(), strict=False):
            _accuracy(panel, cell, levels)
        for panel in panels[len(curves) :]:
            panel.set_axis_off()
        handles, labels = panels[0].get_legend_handles_labels()
        # Two names are as wide as a panel; each line of them is a quarter of an inch high.
        lines = -(-len(labels) // (2 * columns))
        figure.set_figheight(3.4 * rows + 0.25 * lines)
        figure.legend(handles, labels, loc="outside lower center", ncols=2 * columns)
    return figure


def _accuracy(panel: Axes, cell: str, levels: pd.DataFrame) -> None:
    dense = levels[levels.level == 0].drop_duplicates("seed").test_accuracy
    panel.axhline(dense.mean(), color="0.35", lw=1, label="dense")
    seeds = levels.seed.nunique()
    if seeds > 1:
        panel.axhspan(dense.min(), dense.max(), color="0.5", alpha=0.15, lw=0)
    for (strategy, own), style in zip(
        levels.groupby("strategy", sort=False), _cycle(levels.strategy), strict=True
    ):
        colour, marker, line = style
        by_level = own.groupby("level")
        x = by_level.remaining.mean()
        y = by_level.test_accuracy
        panel.plot(
            x, y.mean(), color=colour, marker=marker, ls=line, ms=4, lw=1.5, label=_title(strategy)
        )
        if seeds > 1:
            panel.fill_between(x, y.min(), y.max(), color=colour, alpha=0.15, lw=0)
        ticket = own[own.chosen]
        if len(ticket):
            panel.plot(
                ticket.remaining.mean(),
                ticket.test_accuracy.mean(),
                "*",
                color=colour,
                mec="black",
                ms=14,
                zorder=5,
            )
    remaining_axis(panel, levels.remaining)
    panel.set_ylabel("test accuracy (%)")
    panel.set_title(f"{cell} ({seeds} seed{'s' if seeds > 1 else ''})")
    panel.grid(axis="y", color="0.9")


def remaining_axis(panel: Axes, remaining: pd.Series) -> None:
    """The field's convention: a log axis of weights that remain, from all of them to few."""
    panel.set_xscale("log")
    low = remaining.min()
    panel.set_xlim(115, low / 1.15)
    panel.xaxis.set_major_locator(FixedLocator([tick for tick in TICKS if tick >= low / 1.1]))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.set_xlabel("weights remaining (%)")


def learning(epochs: pd.DataFrame, levels: pd.DataFrame, cell: str) -> Figure:
    """Validation accuracy an epoch: the dense network, the chosen ticket, the last level.

    ``epochs`` has strategy, seed, level, epoch, validation_accuracy; ``levels`` says which levels
    are chosen. A panel for each strategy, means over seeds.
    """
    strategies = list(epochs.strategy.unique())
    with mpl.rc_context(RC):
        figure = Figure(figsize=(3.4 * len(strategies) + 0.4, 3.6))
        panels = figure.subplots(1, len(strategies), squeeze=False, sharey=True)[0]
        for panel, strategy in zip(panels, strategies, strict=True):
            own = epochs[epochs.strategy == strategy]
            rows = levels[levels.strategy == strategy]
            shown = {0: "dense", int(own.level.max()): "last level"}
            for level in rows.level[rows.chosen].unique():
                shown[int(level)] = "ticket"
            for level, name in sorted(shown.items()):
                mean = own[own.level == level].groupby("epoch").validation_accuracy.mean()
                remaining = rows.remaining[rows.level == level].mean()
                colour, marker, line = LEVEL_STYLES[name]
                panel.plot(
                    mean.index,
                    mean,
                    color=colour,
                    marker=marker,
                    ls=line,
                    label=f"{name} ({remaining:.3g} %)",
                )
            panel.set_title(_title(strategy))
            panel.set_xlabel("epochs since the first weights")
            last = int(own.epoch.max())
            panel.set_xticks(range(1, last + 1, max(1, last // 5)))
            panel.set_xlim(0.8, last + 0.2)
            panel.legend(fontsize=8)
            panel.grid(axis="y", color="0.9")
        panels[0].set_ylabel("validation accuracy (%)")
        figure.suptitle(cell)
    return figure


def density(tensors: pd.DataFrame, cell: str) -> Figure:
    """Weights remaining in each tensor at each level, a panel for each strategy.

    ``tensors`` has strategy, seed, level, parameter, alive, size; the last row is all of them.
    """
    sums = tensors.groupby(["strategy", "level", "parameter"], sort=False)[["alive", "size"]].sum()
    totals = sums.groupby(["strategy", "level"], sort=False).sum()
    strategies = list(tensors.strategy.unique())
    names = [*tensors.parameter.unique(), "all"]
    with mpl.rc_context(RC):
        height = 0.24 * len(names) + 1.6
        width = max(2.6, 0.34 * tensors.level.nunique())
        figure = Figure(figsize=(width * len(strategies) + 2.6, height))
        panels = figure.subplots(1, len(strategies), squeeze=False, sharey=True)[0]
        for panel, strategy in zip(panels, strategies, strict=True):
            shares = (sums.alive / sums["size"]).loc[strategy].unstack("level")
            shares = shares.reindex(names)
            shares.loc["all"] = (totals.alive / totals["size"]).loc[strategy]
            image = panel.imshow(
                100 * np.maximum(shares.to_numpy(float), 1e-4),
                norm=mpl.colors.LogNorm(1, 100),
                cmap="cividis",
                aspect="auto",
            )
            step = max(1, shares.shape[1] // 7)
            panel.set_xticks(range(0, shares.shape[1], step), shares.columns[::step])
            panel.set_yticks(range(len(names)), names, fontsize=8)
            panel.set_xlabel("level")
            panel.set_title(_title(strategy))
            for side in panel.spines.values():
                side.set_visible(False)
        bar = figure.colorbar(image, ax=list(panels), label="weights remaining (%)")
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        figure.suptitle(f"{cell}: what each tensor keeps")
    return figure


def connectivity(rises: pd.DataFrame, cell: str) -> Figure:
    """Barriers by level, of test error and of train loss: a mean line, and a point a seed.

    ``rises`` is :func:`lottery.analysis.barriers.barriers`'s.
    """
    labels = {"test_error": "test error (points)", "train_loss": "train loss (nats)"}
    with mpl.rc_context(RC):
        figure = Figure(figsize=(7.6, 3.4))
        panels = figure.subplots(1, len(labels))
        for panel, (name, label) in zip(panels, labels.items(), strict=True):
            for (kind, own), style in zip(rises.groupby("kind"), STYLES, strict=False):
                colour, marker, line = style
                mean = own.groupby("level")[name].mean()
                text = barriers.KINDS[str(kind)]
                panel.plot(mean.index, mean, color=colour, marker=marker, ls=line, label=text)
                panel.plot(own.level, own[name], ".", color=colour, ms=4, alpha=0.6)
            panel.set_xticks(sorted(rises.level.unique()))
            panel.set_xlabel("level")
            panel.set_ylabel(f"barrier, {label}")
            panel.grid(axis="y", color="0.9")
        panels[0].legend(fontsize=8)
        figure.suptitle(f"{cell}: what lies between trained winning tickets")
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write ``<path>.svg`` and ``<path>.png`` without dates or versions."""
    FigureCanvasAgg(figure)
    with mpl.rc_context(RC):
        for suffix, metadata in (
            (".svg", {"Date": None, "Creator": None}),
            (".png", {"Software": None}),
        ):
            with replacing(path.with_name(path.name + suffix)) as temporary:
                figure.savefig(temporary, format=suffix[1:], dpi=150, metadata=metadata)


def _cycle(values: pd.Series) -> list[tuple[Any, ...]]:
    count = values.nunique()
    return [STYLES[place % len(STYLES)] for place in range(count)]


def _title(strategy: str) -> str:
    return strategy.replace("_", " ")
