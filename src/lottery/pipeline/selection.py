"""The stage select: from the tables of every arm to tickets, statistics and metrics."""

import shutil
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from lottery.analysis import claims, fixed_sparsities, grid_tables, majority, ticket_choice
from lottery.config import grid
from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.errors import LotteryError
from lottery.storage import csv_tables, files, paths


class Chosen(NamedTuple):
    """What is known of the tickets of each cell, by the cell's name."""

    curves: dict[str, pd.DataFrame]
    """Its table in ``plots/curves``."""
    tickets: dict[str, pd.DataFrame]
    """:func:`lottery.analysis.ticket_choice.cell_tickets`."""
    dense: dict[str, dict[str, Any]]
    """:func:`lottery.analysis.majority.dense_row`."""


def remove_orphans(params: Params) -> None:
    """Delete the tables of cells and arms that the grid does not have, and the reports on corpora
    that it does not have."""
    expected = grid.table_folders(params)
    expected |= {paths.ticket_tables(cell.name) for cell in grid.cells(params)}
    for folder in sorted([*paths.TABLES.iterdir(), *paths.TICKETS.glob("*")]):
        if folder.is_dir() and folder not in expected:
            print(f"removing {folder}: no longer in {paths.PARAMS}")
            shutil.rmtree(folder)
    expected_files = {paths.corpus_report(corpus) for corpus in params.corpora}
    expected_files |= {paths.documents(run.name) for run in grid.runs(params)}
    existing = {*paths.CORPUS_REPORTS.glob("*.json"), *paths.DOCUMENTS.glob("*.csv")}
    for file in sorted(existing - expected_files):
        print(f"removing {file}: no longer in {paths.PARAMS}")
        file.unlink()


def choose_tickets(params: Params) -> Chosen:
    """The tickets of each cell, and what they are chosen from.

    Raises LotteryError for a table that is missing or damaged.
    """
    tolerance, strategies = params.evaluate.tolerance, params.strategies
    chosen = Chosen({}, {}, {})
    for cell in grid.cells(params):
        levels = csv_tables.joined(
            csv_tables.read(run.tables_folder / "levels.csv") for run in grid.cell_runs(cell)
        )
        try:
            curve, by_strategy = ticket_choice.cell_curves(levels, strategies, tolerance)
        except ValueError as error:
            raise LotteryError(
                f"{cell.tables_folder}-*/levels.csv: {error}; run 'dvc repro' to regenerate them"
            ) from None
        chosen.curves[cell.name] = curve
        chosen.tickets[cell.name] = ticket_choice.cell_tickets(curve, by_strategy, tolerance)
        documents = csv_tables.read(cell.of_arm(strategies[0]).tables_folder / "classes.csv")
        classes = documents["class"].nunique()
        chosen.dense[cell.name] = majority.dense_row(curve, classes, tolerance)
    return chosen


def write(params: Params, chosen: Chosen) -> None:
    """Write ``plots/curves``, ``plots/statistics`` and ``metrics``."""
    documents = csv_tables.joined(
        csv_tables.read(paths.documents(run.name)) for run in grid.runs(params)
    )
    tables = grid_tables.tables(params, claims.load(paths.CLAIMS), *chosen, documents)
    verdicts = dict(zip(tables["claims"].claim, tables["claims"].verdict, strict=True))
    with files.replacing_directory(paths.METRICS) as folder:
        for name, metrics in {**_metrics(params, chosen), "claims": {"claims": verdicts}}.items():
            files.write_json(folder / paths.metrics(name).name, metrics)
    csv_tables.write_folder(paths.STATISTICS, tables)
    csv_tables.write_folder(paths.CURVES, chosen.curves)


def _metrics(params: Params, chosen: Chosen) -> dict[str, dict[str, Any]]:
    """The accuracies in ``metrics/`` by the name of their file; the means of several cells too."""
    at_sparsities = {
        name: fixed_sparsities.accuracies(curve, params.strategies)
        for name, curve in chosen.curves.items()
    }
    dense = [row["test_accuracy"] for row in chosen.dense.values()]
    metrics = {
        cell.name: fixed_sparsities.cell_metrics(
            chosen.dense[cell.name],
            csv_tables.baseline(grid.baseline_folder(cell.corpus)).get("test_accuracy"),
            at_sparsities[cell.name],
            _failed_seeds(params, cell),
        )
        for cell in grid.cells(params)
    }
    if len(metrics) > 1:
        metrics["overview"] = fixed_sparsities.overview(dense, list(at_sparsities.values()))
    return metrics


def _failed_seeds(params: Params, cell: Run) -> Mapping[str, int]:
    """How many seeds of each arm have no results."""
    return {run.arm: len(csv_tables.failed(run.tables_folder)) for run in grid.cell_runs(cell)}
