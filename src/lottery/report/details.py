"""What is folded below a cell's charts: every value, learning curves, densities, barriers."""

from dataclasses import dataclass, field

import pandas as pd
from markupsafe import Markup

from lottery.config.grid import WINNING_TICKET
from lottery.report import sentences, tables, worth, worth_tables
from lottery.report.charts import legends, panels
from lottery.report.content import Content
from lottery.report.names import cell_title, display_name
from lottery.report.styles import PAGE_MOMENTS
from lottery.report.tables import Table

BARRIER = (
    "A barrier is the most that error or loss rises on the straight line between the weights of "
    "two networks, compared with a straight line between their two values (Entezari et al. 2022, "
    "Paul et al. 2022; Frankle et al. 2020 compare with the mean of the two). It is a lower bound: "
    "only {points} networks on each line were evaluated. Without a barrier, the two networks are "
    "in the same basin of the loss. Two orders of the data also differ in their dropout."
)


@dataclass(frozen=True)
class Detail:
    """One fold: its summary, and what is in it."""

    summary: str
    notes: list[str] = field(default_factory=list)
    figures: list[tuple[str, Markup]] = field(default_factory=list)
    legend: legends.Entries = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


def of_cell(cell: str, content: Content) -> list[Detail]:
    """The folds of a cell that have anything in them."""
    folds = [
        _values(cell, content),
        _learning(cell, content),
        _densities(cell, content),
        _barriers(cell, content),
        _file(cell, content),
        _costs(cell, content),
        _exploratory(cell, content),
    ]
    return [fold for fold in folds if fold]


def _values(cell: str, content: Content) -> Detail | None:
    title = cell_title(cell)
    levels = content.levels[content.levels.cell == cell]
    tickets = content.tickets[content.tickets.cell == cell]
    dense = content.dense[content.dense.cell == cell].to_dict("records")
    strategies = set(levels.arm[levels.level == 0])
    controls = levels[~levels.arm.isin(strategies)]
    levels = levels[levels.arm.isin(strategies)]
    values = [tables.tickets(tickets, dense, title)] if len(tickets) or dense else []
    if len(levels):
        values.append(tables.levels(levels, title))
    if len(controls):
        winning = levels[levels.arm == WINNING_TICKET].set_index("level").accuracy
        values.append(tables.controls(controls, winning, title))
    return Detail("All values: tickets, levels and controls", tables=values) if values else None


def _learning(cell: str, content: Content) -> Detail | None:
    """Learning curves, one chart per strategy."""
    epochs = content.epochs.get(cell, pd.DataFrame())
    if epochs.empty:
        return None
    levels = content.levels[content.levels.cell == cell]
    tickets = content.tickets[content.tickets.cell == cell]
    moments = {
        str(name): _moments(rows, levels, tickets)
        for name, rows in epochs.groupby("arm", sort=False)
    }
    charts = [
        (display_name(name), panels.learning(cell, name, epochs, by_moment))
        for name, by_moment in moments.items()
    ]
    in_charts = [moment for by_moment in moments.values() for moment in by_moment]
    note = (
        "Means over seeds: the dense network, the chosen ticket (if there is one), the last level."
    )
    return Detail("Learning curves", [note], charts, legends.samples(PAGE_MOMENTS, in_charts))


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


def _densities(cell: str, content: Content) -> Detail | None:
    """What remains of each tensor: a sentence if the rate alone decides, else a chart per arm."""
    tensors = content.tensors.get(cell, pd.DataFrame())
    if tensors.empty:
        return None
    summary = "Weights remaining in each tensor"
    if sentence := sentences.densities(tensors):
        return Detail(summary, [sentence])
    charts = [
        (display_name(name), panels.density(cell, name, rows))
        for name, rows in tensors.groupby("arm", sort=False)
    ]
    note = "Percentage of weights remaining at each level, over all seeds."
    return Detail(summary, [note], charts, legends.shades())


def _barriers(cell: str, content: Content) -> Detail | None:
    lines = content.connectivity.get(cell, pd.DataFrame())
    if lines.empty:
        return None
    summary, about = (
        "Barriers between trained tickets",
        BARRIER.format(points=lines.alpha.nunique()),
    )
    if sentence := sentences.one_level_of_barriers(lines):
        return Detail(summary, [sentence, about])
    chart = panels.connectivity(cell, lines)
    legend = legends.samples(panels.KINDS, lines.kind)
    note = "Means over seeds; each small point is one seed."
    return Detail(summary, [note, about], [("Barriers by level", chart)], legend)


def _file(cell: str, content: Content) -> Detail | None:
    """The ticket as a file: its size at each level, and its speed beside other classifiers."""
    files, speeds = content.of_cell("files", cell), content.of_cell("speeds", cell)
    title = cell_title(cell)
    charts = worth.charts(cell, content)
    values = [worth_tables.files(files, title)] if len(files) else []
    notes = []
    if len(files):
        notes.append(worth.sentence(cell, files))
    if len(speeds):
        values.append(worth_tables.speeds(speeds, title))
        notes.append(worth.BENCHMARK)
    summary = "The ticket as a file: size and speed"
    return Detail(summary, notes, charts, tables=values) if values else None


def _costs(cell: str, content: Content) -> Detail | None:
    """What pruning costs beside accuracy."""
    title = cell_title(cell)
    writers = [
        (content.costs, worth_tables.costs),
        (content.lost, worth_tables.lost),
        (content.changed, worth_tables.changed),
    ]
    values = [write(rows[cell], title) for rows, write in writers if cell in rows]
    note = (
        "The exported strategy's ticket beside the dense network, on test; scores are means over "
        "seeds, documents are of the first seed. Not tested."
    )
    return Detail("What else pruning costs", [note], tables=values) if values else None


def _exploratory(cell: str, content: Content) -> Detail | None:
    writers = [
        (content.per_seed, tables.per_seed),
        (content.predictions, tables.predictions),
        (content.classes, tables.classes),
    ]
    of_cell = [(frame[frame.cell == cell], write) for frame, write in writers]
    values = [write(rows, cell_title(cell)) for rows, write in of_cell if len(rows)]
    note = "Not tested: no verdict is based on these tables."
    summary = "Exploratory: each seed, predictions, classes"
    return Detail(summary, [note], tables=values) if values else None
