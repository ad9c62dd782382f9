"""One cell of the grid: its charts, legends and tables."""

from typing import Any

import pandas as pd

from lottery.report import legends, panels, tables
from lottery.report.accuracy import accuracy
from lottery.report.content import Content
from lottery.report.formats import fixed, interval, whole
from lottery.report.styles import Style, words

Part = dict[str, Any]
# What may be missing; the template leaves out what is None.
SHOWN = (
    *("accuracy", "legend", "levels", "controls", "tickets", "connectivity", "kinds"),
    *("survivors", "shades", "learning", "moments"),
)


def part(cell: str, content: Content, drawn: dict[str, Style], published: pd.DataFrame) -> Part:
    """What the template shows of ``cell``; a chart or table without rows is not in it."""
    levels, tickets, per_seed, predictions, classes = (
        frame[frame.cell == cell]
        for frame in (
            content.levels,
            content.tickets,
            content.per_seed,
            content.predictions,
            content.classes,
        )
    )
    is_control = levels.strategy.map(lambda name: drawn[name].control).astype(bool)
    chains, controls = levels[~is_control], levels[is_control]
    behind = published[published.cell == cell]
    own: Part = {**dict.fromkeys(SHOWN), "name": cell, "about": _about(levels)}
    if len(levels):
        own["accuracy"] = accuracy(cell, levels, tickets, behind, drawn)
        own["legend"] = _legend(levels, tickets, behind, drawn)
        own["levels"] = tables.levels(chains, f"{cell}: mean test accuracy by level")
    if len(controls):
        winning = chains[chains.strategy == "winning_ticket"].set_index("level").accuracy
        own["controls"] = tables.controls(controls, winning, cell)
    if len(tickets):
        own["tickets"] = tables.tickets(tickets, cell)
    if len(content.connectivity.get(cell, ())):
        own["connectivity"] = panels.connectivity(cell, content.connectivity[cell])
        own["kinds"] = legends.samples(panels.KINDS, content.connectivity[cell].kind)
    own |= _panels(cell, content, levels, tickets)
    written = [
        (per_seed, tables.per_seed),
        (predictions, tables.predictions),
        (classes, tables.classes),
    ]
    own["exploratory"] = [write(frame, cell) for frame, write in written if len(frame)]
    return own


def _about(levels: pd.DataFrame) -> str:
    dense = levels[levels.level == 0].sort_values("n", ascending=False, kind="stable")
    if dense.empty:
        return ""
    first = dense.iloc[0]
    seeds = "one seed: no intervals" if first.n == 1 else f"{whole(first.n)} seeds"
    sure = "" if pd.isna(first.low) else f" (95 % interval {interval(first.low, first.high)})"
    return f"Dense test accuracy {fixed(first.accuracy)} %{sure}, {seeds}."


def _legend(
    levels: pd.DataFrame, tickets: pd.DataFrame, behind: pd.DataFrame, drawn: dict[str, Style]
) -> legends.Entries:
    shown = legends.strategies(drawn, list(levels.strategy))
    if (levels.level == 0).any():
        shown.append((legends.swatch("dense", "", ""), "dense"))
    if tickets.sparsity.notna().any():
        shown.append((legends.swatch("", "star", "", True), "ticket chosen on validation"))
    return shown + legends.published(behind)


def _panels(cell: str, content: Content, levels: pd.DataFrame, tickets: pd.DataFrame) -> Part:
    """Survivors and learning curves, a panel for each strategy."""
    tensors = content.tensors.get(cell, pd.DataFrame())
    epochs = content.epochs.get(cell, pd.DataFrame())
    part: Part = {}
    if len(tensors):
        part["survivors"] = [
            (words(name), panels.survivors(cell, name, own))
            for name, own in tensors.groupby("strategy", sort=False)
        ]
        part["shades"] = legends.shades()
    if len(epochs):
        moments = {
            str(name): _moments(own, levels, tickets)
            for name, own in epochs.groupby("strategy", sort=False)
        }
        part["learning"] = [
            (words(name), panels.learning(cell, name, epochs, shown))
            for name, shown in moments.items()
        ]
        part["moments"] = legends.samples(
            panels.MOMENTS, [n for own in moments.values() for n in own]
        )
    return part


def _moments(own: pd.DataFrame, levels: pd.DataFrame, tickets: pd.DataFrame) -> dict[str, int]:
    """The levels to show: the dense network, the ticket if there is one, the last."""
    strategy, trained = own.strategy.iloc[0], set(own.level)
    moments = {"dense": 0} if 0 in trained else {}
    ticket = tickets[(tickets.strategy == strategy) & tickets.sparsity.notna()]
    rows = levels[levels.strategy == strategy]
    if len(ticket) and len(rows):
        # The table gives the ticket's sparsity, rounded; the level is the nearest.
        level = int(rows.level.loc[(rows.sparsity - ticket.sparsity.iloc[0]).abs().idxmin()])
        if level in trained and level > 0:
            moments["ticket"] = level
    last = int(max(trained))
    return moments if last in moments.values() else {**moments, "last level": last}
