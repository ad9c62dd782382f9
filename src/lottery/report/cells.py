"""One cell's section of the page: its charts, legends and tables."""

from typing import Any

import pandas as pd

from lottery.analysis.majority import is_unequal
from lottery.config.grid import WINNING_TICKET
from lottery.report import tables
from lottery.report.charts import legends, panels
from lottery.report.charts.accuracy import accuracy
from lottery.report.content import Content
from lottery.report.formats import fixed, interval, whole
from lottery.report.styles import PAGE_MOMENTS, Style, display_name

Section = dict[str, Any]
"""What ``template.html`` reads of a cell."""
OPTIONAL = (
    *("baseline", "warning"),
    *("accuracy", "legend", "levels", "controls", "tickets", "connectivity", "kinds"),
    *("points", "density", "shades", "learning", "moments"),
)
"""The entries that are None if there is nothing to show; the template then skips them."""


def section(
    cell: str, content: Content, styles: dict[str, Style], published: pd.DataFrame
) -> Section:
    """The section of ``cell``. ``published`` is :func:`lottery.report.reference.curves`."""
    levels = content.levels[content.levels.cell == cell]
    tickets = content.tickets[content.tickets.cell == cell]
    published = published[published.cell == cell]
    is_control = levels.arm.map(lambda name: styles[name].is_control).astype(bool)
    strategies, controls = levels[~is_control], levels[is_control]
    entries: Section = {**dict.fromkeys(OPTIONAL), "name": cell, "about": _about(levels)}
    dense = content.dense[content.dense.cell == cell].to_dict("records")
    if dense:
        entries |= _baseline(dense[0])
    if len(levels):
        entries["accuracy"] = accuracy(cell, levels, tickets, published, styles)
        entries["legend"] = _legend(levels, tickets, published, styles)
        entries["levels"] = tables.levels(strategies, cell)
    if len(controls):
        winning = strategies[strategies.arm == WINNING_TICKET].set_index("level").accuracy
        entries["controls"] = tables.controls(controls, winning, cell)
    if len(tickets):
        entries["tickets"] = tables.tickets(tickets, dense, cell)
    lines = content.connectivity.get(cell, pd.DataFrame())
    if len(lines):
        entries["connectivity"] = panels.connectivity(cell, lines)
        entries["kinds"] = legends.samples(panels.KINDS, lines.kind)
        entries["points"] = lines.alpha.nunique()
    entries |= _densities(cell, content) | _learning(cell, content, levels, tickets)
    entries["exploratory"] = _exploratory(cell, content)
    return entries


def _about(levels: pd.DataFrame) -> str:
    dense = levels[levels.level == 0].sort_values("n", ascending=False, kind="stable")
    if dense.empty:
        return ""
    first = dense.iloc[0]
    seeds = "one seed, so no intervals" if first.n == 1 else f"{whole(first.n)} seeds"
    bounds = "" if pd.isna(first.low) else f" (95 % interval {interval(first.low, first.high)})"
    return f"Dense test accuracy {fixed(first.accuracy)} %{bounds}, {seeds}."


def _baseline(dense: dict[str, Any]) -> Section:
    """How the dense network compares with always answering the most frequent class."""
    if pd.isna(dense["test_majority"]):
        return {}
    majority = fixed(dense["test_majority"])
    sentences = [f"Always answering the most frequent class is right for {majority} %."]
    if is_unequal(dense["test_majority"], dense["classes"]):
        sentences.append(
            f"The {whole(dense['classes'])} classes are of unequal size, so accuracy says little "
            "about the small ones. Where all count the same, the dense network has a balanced "
            f"accuracy of {fixed(dense['test_balanced_accuracy'])} % and a macro-F1 of "
            f"{fixed(dense['test_macro_f1'])} %."
        )
    warning = dense["no_ticket"]
    return {
        "baseline": " ".join(sentences),
        "warning": None if pd.isna(warning) else f"No ticket: {warning}.",
    }


def _legend(
    levels: pd.DataFrame, tickets: pd.DataFrame, published: pd.DataFrame, styles: dict[str, Style]
) -> legends.Entries:
    entries = legends.strategies(styles, list(levels.arm))
    if (levels.level == 0).any():
        entries.append((legends.swatch("dense", "", ""), "dense"))
    if tickets.sparsity.notna().any():
        star = legends.swatch("", "star", "", only_marker=True)
        entries.append((star, "ticket chosen on validation"))
    return entries + legends.published(published)


def _densities(cell: str, content: Content) -> Section:
    """What remains of each tensor, one chart per strategy."""
    tensors = content.tensors.get(cell, pd.DataFrame())
    if tensors.empty:
        return {}
    charts = [
        (display_name(name), panels.density(cell, name, rows))
        for name, rows in tensors.groupby("arm", sort=False)
    ]
    return {"density": charts, "shades": legends.shades()}


def _learning(cell: str, content: Content, levels: pd.DataFrame, tickets: pd.DataFrame) -> Section:
    """Learning curves, one chart per strategy."""
    epochs = content.epochs.get(cell, pd.DataFrame())
    if epochs.empty:
        return {}
    moments = {
        str(name): _moments(rows, levels, tickets)
        for name, rows in epochs.groupby("arm", sort=False)
    }
    charts = [
        (display_name(name), panels.learning(cell, name, epochs, by_moment))
        for name, by_moment in moments.items()
    ]
    in_charts = [moment for by_moment in moments.values() for moment in by_moment]
    return {"learning": charts, "moments": legends.samples(PAGE_MOMENTS, in_charts)}


def _moments(epochs: pd.DataFrame, levels: pd.DataFrame, tickets: pd.DataFrame) -> dict[str, int]:
    """The levels to draw of one strategy: dense, the ticket if there is one, and the last."""
    strategy, trained = epochs.arm.iloc[0], set(epochs.level)
    moments = {"dense": 0} if 0 in trained else {}
    ticket = tickets[(tickets.arm == strategy) & tickets.sparsity.notna()]
    rows = levels[levels.arm == strategy]
    if len(ticket) and len(rows):
        # The table of tickets has the ticket's mean sparsity and no level: take the nearest.
        level = int(rows.level.loc[(rows.sparsity - ticket.sparsity.iloc[0]).abs().idxmin()])
        if level in trained and level > 0:
            moments["ticket"] = level
    last = int(max(trained))
    return moments if last in moments.values() else {**moments, "last level": last}


def _exploratory(cell: str, content: Content) -> list[tables.Table]:
    writers = [
        (content.per_seed, tables.per_seed),
        (content.predictions, tables.predictions),
        (content.classes, tables.classes),
    ]
    of_cell = [(frame[frame.cell == cell], write) for frame, write in writers]
    return [write(rows, cell) for rows, write in of_cell if len(rows)]
