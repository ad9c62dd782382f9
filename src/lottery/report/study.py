"""The page's section on the 2020 study: its tickets beside ours, and its other cells."""

import pandas as pd
from markupsafe import Markup

from lottery.report import tables
from lottery.report.charts.difference_axes import Panel
from lottery.report.charts.differences import differences
from lottery.report.formats import fixed, share, whole
from lottery.report.names import cell_title
from lottery.report.tables import STRATEGY, Column, Row, Table, numbers


def table(rows: pd.DataFrame) -> Table:
    """The 2020 study's tables of tickets, and ours beside each row."""

    def ours(row: Row) -> str:
        if pd.isna(row["sparsity"]):
            return "not run" if row["no_ticket"] == "not run" else "no ticket"
        return f"{fixed(row['ticket'], 1)} at {share(row['sparsity'])}"

    columns: list[Column] = [
        ("Cell", lambda row: cell_title(row["cell"]), False),
        STRATEGY,
        numbers("2020: dense, %", "published_dense"),
        (
            "2020: ticket, % at sparsity",
            lambda row: f"{fixed(row['published_ticket'])} at {share(row['published_sparsity'])}",
            True,
        ),
        ("Ours: dense, %", lambda row: fixed(row["dense"], 1), True),
        ("Ours: ticket, % at sparsity", ours, True),
        (
            "Ours at the 2020 sparsity, %",
            lambda row: fixed(row["at_published_sparsity"], 1),
            True,
        ),
        numbers("Our seeds", "seeds", whole),
    ]
    return tables.table("The 2020 study's tickets beside ours", rows, columns)


def differing(study: pd.DataFrame) -> list[tuple[str, str]]:
    """What differs from the 2020 study, by cell; each cell's rows share most of it."""
    rows = study.drop_duplicates("cell", keep="last")
    return [(cell_title(row.cell), row.differences) for row in rows.itertuples()]


def others(published: pd.DataFrame) -> list[tuple[str, Markup]]:
    """A chart of the 2020 study for each of its cells that this run does not have."""
    charts = []
    for cell, rows in published.groupby("cell", sort=False):
        dense = rows.groupby("arm", sort=False).test_accuracy.transform("first")
        nothing = pd.DataFrame(
            columns=["arm", "sparsity", "difference", "difference_low", "difference_high"]
        ).astype({"sparsity": float})
        name = f"2020 study, other data: {cell_title(str(cell))}, difference to its dense networks"
        panel = Panel(
            name,
            nothing,
            nothing.assign(test_accuracy=0.0),
            float(dense.mean()),
            float("nan"),
            published=rows.assign(difference=rows.test_accuracy - dense),
        )
        charts.append((cell_title(str(cell)), differences(panel, {})))
    return charts
