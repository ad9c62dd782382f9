"""Cost as work grows, as one picture: time and memory against what is varied."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lottery.report import canvas
from lottery.report.styles import LINES

TITLES = {
    "documents": "documents",
    "tokens": "tokens per document, at most",
    "vocabulary": "rows of the embedding",
    "level": "level (40 % of the weights are pruned at each)",
}


def growth(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw a column per quantity: seconds per epoch above, peak memory of the process below."""
    with mpl.rc_context(canvas.RC):
        figure = Figure(figsize=(12, 5.2))
        FigureCanvasAgg(figure)
        panels = figure.subplots(2, len(TITLES), sharey="row")
        for column, (varied, title) in enumerate(TITLES.items()):
            points = [row for row in rows if row["varied"] == varied]
            values = [point["value"] for point in points]
            for row, (key, line) in enumerate(zip(("epoch_s", "peak_mb"), LINES, strict=False)):
                panel = panels[row][column]
                panel.plot(values, [point[key] for point in points], "o-", color=line.color)
                panel.set_ylim(bottom=0)
                panel.set_xlim(left=0)
            panels[1][column].set_xlabel(title)
        panels[0][0].set_ylabel("seconds per epoch")
        panels[1][0].set_ylabel("peak memory, MB")
        figure.suptitle("IMDb, CNN at the study's size: what an epoch of training costs")
        canvas.save(figure, path)
