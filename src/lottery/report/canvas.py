"""What all figures share: Matplotlib's settings, and files that are the same bytes each time."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lottery.storage.files import replacing

RC: dict[Any, Any] = {
    "svg.hashsalt": "lottery",
    "font.size": 11,
    "axes.titlesize": 13,
    "figure.titleweight": "bold",
    "axes.labelcolor": "0.35",
    "axes.edgecolor": "0.6",
    "xtick.color": "0.35",
    "ytick.color": "0.35",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
"""Matplotlib's settings while a figure is drawn: ``with matplotlib.rc_context(RC)``."""


def save(figure: Figure, path: Path) -> None:
    """Write ``<path>.svg`` and ``<path>.png``, without dates or versions."""
    FigureCanvasAgg(figure)
    with mpl.rc_context(RC):
        for suffix, metadata in (
            (".svg", {"Date": None, "Creator": None}),
            (".png", {"Software": None}),
        ):
            with replacing(path.with_name(path.name + suffix)) as temporary:
                figure.savefig(temporary, format=suffix[1:], dpi=150, metadata=metadata)
