"""The page's content and the figures, from the tables in plots/ and the corpora's provenance."""

import json
from collections.abc import Iterator, Sequence
from math import nan
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from lottery.analysis import barriers
from lottery.analysis.contrasts import KEYS
from lottery.analysis.tidy import DENSE
from lottery.config import grid
from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.data import corpus_report
from lottery.errors import LotteryError
from lottery.report import difference_figure, facts, figures, reference, ticket_tables
from lottery.report.content import Content
from lottery.report.provenance import provenance
from lottery.storage import csv_tables, paths


def content(params: Params) -> Content:
    """Everything the page shows. Raises LotteryError for a table that is missing or damaged."""
    cells = {cell.name: cell for cell in grid.cells(params)}
    arms = grid.arms(params)
    statistics = {
        name: csv_tables.read(paths.STATISTICS / f"{name}.csv")
        for name in (
            *("claims", "claim_contrasts", "contrasts", "levels", "dense"),
            *("tickets", "seed_tickets"),
        )
    }
    tickets, dense = statistics["tickets"], statistics["dense"]
    sources = {corpus: _source(corpus) for corpus in params.corpora}
    reports = {corpus: corpus_report.load(corpus) for corpus in params.corpora}
    baselines = {name: csv_tables.baseline(grid.baseline_folder(name)) for name in params.corpora}
    tensors = {name: table_of(cell, "tensors", arms) for name, cell in cells.items()}
    classes = _of_all_cells(cells, "classes", arms)
    classes["name"] = [
        _class_name(sources[cells[cell].corpus], number)
        for cell, number in zip(classes.cell, classes["class"], strict=True)
    ]
    return Content(
        claims=statistics["claims"],
        contrasts=statistics["claim_contrasts"].merge(statistics["contrasts"], "left", KEYS),
        levels=statistics["levels"],
        dense=dense,
        facts=facts.table(params, reports, baselines, tensors),
        tickets=tickets[tickets.arm != DENSE],
        per_seed=statistics["seed_tickets"],
        tensors=tensors,
        epochs={name: table_of(cell, "epochs", params.strategies) for name, cell in cells.items()},
        connectivity={name: lines_of(cell) for name, cell in cells.items()},
        predictions=_of_all_cells(cells, "predictions", arms),
        classes=classes,
        **ticket_tables.of_cells(
            cells, lambda corpus, number: _class_name(sources[corpus], number)
        ),
        study=reference.headline(params, tickets, statistics["levels"], reports),
        provenance=provenance(params),
        data=[_data(corpus, reports[corpus], source) for corpus, source in sources.items()],
        failed=_by_cell({name: _failed(cell) for name, cell in cells.items()}),
        transfers=_transfers(params),
    )


def drawings(params: Params) -> Iterator[tuple[str, Figure]]:
    """Pairs of a name and a figure: ``overview``, and up to four per cell.

    A cell whose runs all failed has none. Raises LotteryError if that is every cell, or for a table
    that is missing or damaged.
    """
    curves = {cell.name: csv_tables.read(paths.curves(cell.name)) for cell in grid.cells(params)}
    for name in [name for name, levels in curves.items() if levels.empty]:
        print(f"{name}: not drawn, because every run failed")
        del curves[name]
    if not curves:
        raise LotteryError("every run of every cell failed, so there is nothing to draw")
    margin = params.evaluate.margin
    linear_models = {
        cell.name: csv_tables.baseline(grid.baseline_folder(cell.corpus)).get("test_accuracy", nan)
        for cell in grid.cells(params)
    }
    draw = difference_figure.differences
    yield "overview", draw(curves, margin, linear_models)
    for cell in grid.cells(params):
        name, levels = cell.name, curves.get(cell.name)
        if levels is None:
            continue
        yield (
            f"{name}-accuracy",
            draw({name: levels}, margin, linear_models),
        )
        epochs = table_of(cell, "epochs", params.strategies)
        yield f"{name}-learning", figures.learning(epochs, levels, name)
        tensors = table_of(cell, "tensors", params.strategies)
        yield f"{name}-density", figures.density(tensors, name)
        lines = lines_of(cell)
        if len(lines):
            yield f"{name}-connectivity", figures.connectivity(barriers.barriers(lines), name)


def table_of(cell: Run, table: str, arms: Sequence[str]) -> pd.DataFrame:
    """One table with the rows of the cell's ``arms``, one arm after the other."""
    folders = [cell.of_arm(arm).tables_folder for arm in arms]
    tables = (csv_tables.read(folder / f"{table}.csv") for folder in folders)
    return pd.concat(tables, ignore_index=True)


def lines_of(cell: Run) -> pd.DataFrame:
    """Error and loss on the straight lines between the cell's tickets: one row per network."""
    return csv_tables.read(cell.connectivity.tables_folder / "lines.csv")


def _of_all_cells(cells: dict[str, Run], table: str, arms: Sequence[str]) -> pd.DataFrame:
    return _by_cell({name: table_of(cell, table, arms) for name, cell in cells.items()})


def _failed(cell: Run) -> pd.DataFrame:
    return pd.concat(csv_tables.failed(run.tables_folder) for run in grid.cell_runs(cell))


def _transfers(params: Params) -> pd.DataFrame:
    """How the transferred arms compare with the others; empty without pairs."""
    if not params.transfer.pairs:
        return pd.DataFrame()
    return csv_tables.read(paths.STATISTICS / "transfers.csv")


def _by_cell(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """All cells' tables as one, with the cell's name as its first column."""
    return pd.concat(tables, names=["cell"]).reset_index("cell")


def _source(corpus: str) -> dict[str, Any]:
    """What the stage download recorded of the corpus; empty if there is no record.

    No dependency of the stage plot: the record changes only when the corpus table does.
    """
    path = paths.provenance(corpus)
    source = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return source if isinstance(source, dict) else {}


def _class_name(source: dict[str, Any], number: int) -> str:
    names = source.get("classes", [])
    return names[number] if number < len(names) else str(number)


def _data(
    corpus: str, report: corpus_report.Report | None, source: dict[str, Any]
) -> dict[str, Any]:
    """A row of :attr:`lottery.report.content.Content.data`."""
    if report is None:
        return {"corpus": corpus, "documents": 0, "of": 0, "classes": 0, "note": "no report"}
    return {
        "corpus": corpus,
        "documents": sum(part["documents"] for part in report["splits"].values()),
        "of": report["documents_read"],
        "classes": len(report["classes"]),
        "note": ". ".join([*corpus_report.notes(report), *filter(None, [source.get("selection")])]),
    }
