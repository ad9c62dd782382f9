"""The page's part "Does it travel?": winning tickets of one corpus, trained on another."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lottery.report import cells
from lottery.report.charts.differences import differences
from lottery.report.content import Content
from lottery.report.formats import MISSING, interval, signed
from lottery.report.names import cell_title, corpus_title, model_title
from lottery.report.styles import Style
from lottery.report.tables import Table

GAIN = "transferred_beats_shuffled"
"""The claim whose contrasts are a ticket's gain."""


def section(content: Content, styles: Mapping[str, Style]) -> dict[str, Any] | None:
    """A chart for each pair, and a table of gains for each model; None without pairs."""
    if content.transfers.empty:
        return None
    pairs = content.transfers[["source", "target", "model"]].drop_duplicates()
    return {
        "panels": [_panel(pair, content, styles) for pair in pairs.to_dict("records")],
        "gains": [
            gains(str(model), of_model, content.contrasts)
            for model, of_model in pairs.groupby("model", sort=False)
        ],
    }


def _panel(
    pair: Mapping[str, str], content: Content, styles: Mapping[str, Style]
) -> dict[str, Any]:
    """All arms of the target's cell, those with another mask too."""
    cell = f"{pair['target']}-{pair['model']}"
    levels = content.levels[content.levels.cell == cell]
    return {
        "title": f"{corpus_title(pair['source'])} to {cell_title(cell)}",
        "about": "difference to dense, in points",
        "chart": differences(cells.panel_of(cell, content, levels), styles),
    }


def gains(model: str, pairs: pd.DataFrame, contrasts: pd.DataFrame) -> Table:
    """The gain over as many weights at random positions, by source (rows) and target (columns).

    In points of test accuracy, with the interval that the verdict rests on, and the verdict.
    ``pairs`` has source and target, ``contrasts`` is the table of that name in the content.
    """
    of_claim = contrasts[contrasts.claim == GAIN].set_index("cell")
    targets = list(pairs.target.unique())
    rows = []
    for source, of_source in pairs.groupby("source", sort=False):
        values = [
            _gain(of_claim, f"{target}-{model}") if target in set(of_source.target) else ""
            for target in targets
        ]
        rows.append([corpus_title(str(source)), *values])
    columns = [("from", False), *((f"to {corpus_title(target)}", True) for target in targets)]
    return Table(f"{model_title(model)}: gain over a shuffled mask, in points", columns, rows)


def _gain(of_claim: pd.DataFrame, cell: str) -> str:
    if cell not in of_claim.index or pd.isna(of_claim.effect[cell]):
        return MISSING
    row = of_claim.loc[cell]
    text = signed(row.effect)
    if not pd.isna(row.family_low):
        text += f" ({interval(row.family_low, row.family_high)})"
    return f"{text}, {row.verdict}"
