"""Cost as work grows, as one picture: time and memory against what is varied."""

from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lottery.report import canvas
from lottery.report.styles import LINES

KEYS = ("epoch_s", "peak_mb")
"""The rows of the picture."""
TITLES = {
    "documents": "documents",
    "tokens": "tokens per document, at most",
    "vocabulary": "rows of the embedding",
    "level": "level (each prunes 40 %)",
}


def growth(rows: list[dict[str, Any]]) -> Figure:
    """A column per quantity that grows: seconds per epoch above, peak memory of the process below.

    ``rows`` are those of ``growth`` in ``results.json``.
    """
    with mpl.rc_context(canvas.RC):
        figure = Figure(figsize=(12, 5.2))
        FigureCanvasAgg(figure)
        panels = figure.subplots(2, len(TITLES), sharey="row")
        for column, (varied, title) in enumerate(TITLES.items()):
            points = [row for row in rows if row["varied"] == varied]
            values = [point["value"] for point in points]
            for row, (key, line) in enumerate(zip(KEYS, LINES, strict=False)):
                panel = panels[row][column]
                panel.plot(values, [point[key] for point in points], "o-", color=line.color)
                panel.set_xlim(left=0)
                panel.locator_params(axis="x", nbins=4, integer=True)
            panels[1][column].set_xlabel(title)
        panels[0][0].set_ylabel("seconds per epoch")
        panels[1][0].set_ylabel("peak memory, MB")
        for row, key in zip(panels, KEYS, strict=True):
            # Of all panels of the row, which share the axis; and what is drawn later is not scaled.
            row[0].set_ylim(0, 1.1 * max(point[key] for point in rows))
        figure.suptitle("IMDb, CNN at the study's size: what an epoch of training costs")
    return figure
