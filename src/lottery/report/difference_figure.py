"""The figure of differences to the dense network; the page draws its own."""

from collections.abc import Mapping
from itertools import chain
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lottery.analysis import exploratory
from lottery.report.canvas import RC
from lottery.report.charts import geometry
from lottery.report.figures import look
from lottery.report.names import cell_title, display_name
from lottery.report.styles import DENSE, DENSE_BAND, GRID, OTHER_MASKS, Line, lines, remaining_ticks


def differences(
    curves: dict[str, pd.DataFrame],
    margin: float,
    linear_models: Mapping[str, float],
    columns: int = 2,
) -> Figure:
    """The difference to the dense network against remaining weights, one panel per cell.

    A line is the mean over seeds, named at its end; its band is the 95 % t interval of the mean,
    cut at the frame (no band with one seed). The gray band is the margin, in points. A star above
    the frame is the ticket chosen on validation. Controls with another mask than the ticket's are
    left out: they would pull the axis apart. ``curves`` has a table per cell, as in
    ``plots/curves``; ``linear_models`` the test accuracy of the linear model by cell, in percent.
    """
    columns = min(columns, len(curves))
    rows = -(-len(curves) // columns)
    means = {cell: exploratory.levels({cell: levels}) for cell, levels in curves.items()}
    styles = lines(chain.from_iterable(levels.arm for levels in means.values()))
    with mpl.rc_context(RC):
        figure = Figure(figsize=(6.4 * columns, 4.1 * rows + 0.3))
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for panel, (cell, levels) in zip(panels, means.items(), strict=False):
            of_cell = levels[~levels.arm.isin(OTHER_MASKS)]
            others = {"TF-IDF": linear_models.get(cell, np.nan)}
            others["majority"] = curves[cell].test_majority.mean()
            _draw_differences(panel, of_cell, styles, margin, others)
            tickets = curves[cell][curves[cell].chosen].drop_duplicates("arm")
            _draw_stars(panel, tickets, styles)
            seeds = int(levels.n.max())
            about = f"{seeds} seed{'s' if seeds > 1 else ''}"
            title = f"{cell_title(cell)}, {about}"
            panel.set_title(title, loc="left", pad=24, fontweight="bold")
        for panel in panels[len(curves) :]:
            panel.set_axis_off()
        gray = f"Gray: ±{margin:g} points, the margin"
        note = f"Bands: 95 % t intervals over seeds. {gray}. Star: ticket."
        figure.supxlabel(note, fontsize=9, color=DENSE, x=0.01, ha="left")
    return figure


class _Name(NamedTuple):
    """What is written at the end of a line."""

    text: str
    height: float
    """Where the line ends."""
    color: str
    marker: str = ""
    """Of a line that ends before the right of the frame; the name shows it."""


def _draw_differences(
    panel: Axes,
    levels: pd.DataFrame,
    styles: dict[str, Line],
    margin: float,
    others: Mapping[str, float],
) -> None:
    """Lines, bands and names. ``others`` has the accuracy of other classifiers, in percent."""
    levels = levels[(levels.sparsity < 1) & levels.difference.notna()]
    levels = levels.assign(remaining=100 * (1 - levels.sparsity))
    dense = float(levels.accuracy[levels.level == 0].mean())
    gaps = {name: value - dense for name, value in others.items() if not np.isnan(value)}
    low, high = _limits(levels, margin, list(gaps.values()))
    panel.axhspan(-margin, margin, color=DENSE_BAND, alpha=0.18, lw=0)
    panel.axhline(0, color="black", lw=1.1)
    names = [_Name(f"dense, {dense:.1f} %", 0.0, "black")]
    for name, gap in gaps.items():
        text = f"{name}, {others[name]:.1f} %"
        if low <= gap <= high:
            panel.axhline(gap, color=DENSE, lw=1, ls=":")
            names.append(_Name(text, gap, DENSE))
        else:
            arrow, end = ("↑", high) if gap > high else ("↓", low)
            names.append(_Name(f"{arrow} {text}", end, "none"))
    controls = list(dict.fromkeys(levels.arm[levels.groupby("arm")["level"].transform("min") > 0]))
    for arm, rows in levels.groupby("arm", sort=False):
        style = styles[str(arm)]
        if arm in controls:
            # Controls share their levels; without a shift they would hide each other.
            shift = 1.025 ** (controls.index(arm) - (len(controls) - 1) / 2)
            rows = rows.assign(remaining=rows.remaining / shift)
        _draw_arm(panel, rows, style, arm in controls)
        is_short = rows.remaining.min() > 1.1 * levels.remaining.min()
        marker = style.figure_marker if is_short else ""
        name = display_name(str(arm))
        names.append(_Name(name, float(rows.difference.iloc[-1]), style.color, marker))
    panel.set_ylim(low, high)
    _set_remaining_axis(panel, levels.remaining)
    _draw_names(panel, names)
    panel.set_ylabel("points above or below dense")
    panel.grid(axis="y", color=GRID)


def _draw_arm(panel: Axes, rows: pd.DataFrame, style: Line, is_control: bool) -> None:
    """A strategy's line and band, or a control's hollow points and bars."""
    x, y = rows.remaining, rows.difference
    has_interval = rows.difference_low.notna().any()
    bounds = [rows.difference_low.fillna(y), rows.difference_high.fillna(y)]
    label = display_name(str(rows.arm.iloc[0]))
    if is_control:
        dotted = look(style) | {"ls": ":", "mfc": "white"}
        panel.plot(x, y, **dotted, ms=6, lw=1, label=label)
        if has_interval:
            panel.vlines(x, *bounds, color=style.color, lw=1.3, zorder=1)
        return
    pruned = [index for index, level in enumerate(rows.level) if level > 0]
    panel.plot(x, y, **look(style), ms=6, lw=2, label=label, markevery=pruned)
    if has_interval:
        panel.fill_between(x, *bounds, color=style.color, alpha=0.13, lw=0)


def _limits(levels: pd.DataFrame, margin: float, others: list[float]) -> tuple[float, float]:
    """The axis: all means, and intervals and ``others`` that are not far off."""
    means = [margin, -margin, *levels.difference]
    reach = 0.35 * (max(means) - min(means))
    bottom, top = min(means) - reach, max(means) + reach
    near = [gap for gap in others if bottom <= gap <= top]
    ends = [*levels.difference_low.dropna(), *levels.difference_high.dropna(), *means, *near]
    low, high = max(min(ends), bottom), min(max(ends), top)
    space = 0.04 * (high - low) or 0.5
    return low - space, high + space


def _draw_names(panel: Axes, names: list[_Name]) -> None:
    """Each line's name beside its end, none over another."""
    low, high = panel.get_ylim()
    heights = geometry.spread([name.height for name in names], (high - low) / 14, low, high)
    frame: dict[str, Any] = {"transform": panel.get_yaxis_transform(), "clip_on": False}
    for name, height in zip(names, heights, strict=True):
        if name.marker:
            panel.plot([1.02], [height], name.marker, mfc="white", color=name.color, ms=6, **frame)
        elif name.color != "none":
            panel.plot([1.0, 1.04], [name.height, height], color=name.color, lw=0.8, **frame)
        panel.text(1.05, height, name.text, va="center", **frame)


def _draw_stars(panel: Axes, tickets: pd.DataFrame, styles: dict[str, Line]) -> None:
    """The tickets above the frame, side by side, each with a line to its level."""
    first, last = (float(np.log10(end)) for end in panel.get_xlim())
    # From 0 at the left of the frame to 1 at its right.
    levels = [(np.log10(remaining) - first) / (last - first) for remaining in tickets.remaining]
    star_xs = geometry.spread(levels, 0.045, 0, 1)
    frame: dict[str, Any] = {"transform": panel.transAxes, "clip_on": False}
    for row, level, star_x in zip(tickets.itertuples(), levels, star_xs, strict=True):
        color = styles[str(row.arm)].color
        panel.plot([star_x, level], [1.06, 1.0], color=color, lw=0.8, **frame)
        panel.plot([star_x], [1.06], "*", color=color, ms=11, **frame)


def _set_remaining_axis(panel: Axes, remaining: pd.Series) -> None:
    """The field's convention: weights remaining on a log axis, from all of them to few."""
    panel.set_xscale("log")
    low = float(remaining[remaining > 0].min())  # no weights at all would have no logarithm
    panel.set_xlim(105, low / 1.04)
    panel.xaxis.set_major_locator(FixedLocator(remaining_ticks(low / 1.01)))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.set_xlabel("weights remaining (%)")
