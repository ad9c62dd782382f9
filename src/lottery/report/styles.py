"""How each strategy is drawn: its color, marker and dash, in the figures and on the page.

Colors are Okabe and Ito's, which color-blind readers can tell apart, and two more. Markers and
dashes differ too, so that no line depends on its color alone.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from lottery.report.charts.svg import MARKERS
from lottery.report.content import Content


@dataclass(frozen=True)
class Line:
    """How one of several lines is drawn."""

    color: str
    """In the figures, in print, and on the page in light mode."""
    dark_color: str
    """On the page in dark mode."""
    dash: str
    """On the page: SVG's ``stroke-dasharray``."""
    figure_dash: Any
    """In the figures: Matplotlib's ``linestyle``."""
    figure_marker: str


LINES = (
    Line("#0072B2", "#3f9fe0", "", "-", "o"),
    Line("#D55E00", "#ee7a2b", "6 3", "--", "s"),
    Line("#009E73", "#1fbd90", "7 3 1.5 3", "-.", "^"),
    Line("#CC79A7", "#dd93bc", "1.5 3", ":", "D"),
    Line("#E69F00", "#f0b02a", "10 3", (0, (5, 1)), "v"),
    Line("#56B4E9", "#8fd0f7", "4 2 1 2 1 2", (0, (3, 1, 1, 1)), "P"),
    Line("#7A5C2E", "#c3a06a", "2 2", (0, (2, 2)), "<"),
    Line("#6A51A3", "#a794dd", "8 2 2 2", (0, (6, 2)), ">"),
)
"""For the first strategy, the second, and so on; then from the start again. The page calls their
colors ``c0``, ``c1``, ...: see ``template.html``, which defines them for ``style.css``."""

DENSE, DENSE_BAND, GRID = "0.35", "0.5", "0.9"
"""In the figures, as Matplotlib's shades of gray: the dense network, its band, and grid lines. The
page's grays, and its colors that mean no strategy, are in ``style.css``."""
DENSITY_MAP = "cividis"
"""In the figures: Matplotlib's name of the color map of weights remaining."""
FIGURE_MOMENTS = {
    "dense": replace(LINES[0], color=DENSE),
    "ticket": LINES[0],
    "last level": LINES[1],
}
"""In the figures: the levels whose learning curves are drawn."""
PAGE_MOMENTS = {
    "dense": ("grey", "circle", "", "dense"),
    "ticket": ("c0", "square", "6 3", "ticket"),
    "last level": ("c1", "triangle", "7 3 1.5 3", "last level"),
}
"""On the page, the same: class of color, marker, dash and name."""
PAGE_LINE_KINDS = {"levels": ("c0", "circle", ""), "orders": ("c1", "square", "6 3")}
"""On the page: class of color, marker and dash of the lines between trained networks, by kind."""

OTHER_MASKS = ("shuffled_mask", "random_mask_reinit", "one_shot", "snip", "synflow")
"""Controls whose mask is not the ticket's. Some are so much worse that in one chart with the others
the lines that matter would be one; they have a chart of their own."""

# The 2020 study's arms, all in gray; the solid gray line is our dense network.
PUBLISHED_DASHES = {"lt": "6 3", "random": "1.5 3", "lr_f": "7 3 1.5 3", "lr_l": "7 3 1.5 3"}


@dataclass(frozen=True)
class Style:
    """How the page draws a strategy. A control has hollow points and no line."""

    color: str
    """A class of ``style.css``."""
    marker: str
    """A key of :data:`lottery.report.charts.svg.MARKERS`."""
    dash: str
    is_control: bool


def lines(strategies: Iterable[str]) -> dict[str, Line]:
    """The line of each strategy, in the order of their first appearance."""
    names = dict.fromkeys(strategies)
    return {name: LINES[index % len(LINES)] for index, name in enumerate(names)}


def styles(content: Content) -> dict[str, Style]:
    """A style for every strategy and control on the page, strategies first.

    A control is measured at some levels only, never at level 0, which every strategy has.
    """
    tables = [
        *(content.levels, content.tickets),
        *content.epochs.values(),
        *content.tensors.values(),
    ]
    names = list(dict.fromkeys(chain.from_iterable(t.arm.unique() for t in tables)))
    levels = content.levels
    strategies = set(levels.arm[levels.level == 0]) | (set(names) - set(levels.arm))
    names.sort(key=lambda name: name not in strategies)
    markers = list(MARKERS)
    return {
        name: Style(
            f"c{index % len(LINES)}",
            markers[index % len(markers)],
            line.dash,
            name not in strategies,
        )
        for index, (name, line) in enumerate(lines(names).items())
    }


def remaining_ticks(low: float) -> list[float]:
    """Round percentages of weights from 100 down to ``low``, for a logarithmic axis."""
    steps = (1, 5, 2) if low >= 0.1 else (1,)
    decades = range(2, math.floor(math.log10(low)) - 1, -1)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    return sorted((tick for tick in ticks if low <= tick <= 100), reverse=True)
