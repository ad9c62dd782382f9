"""The stage select: from the tables of every arm to tickets, statistics and metrics."""

import shutil
from collections.abc import Mapping

import pandas as pd

from lottery.analysis import claims, grid_tables, ticket_choice
from lottery.config import grid
from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.errors import LotteryError
from lottery.storage import csv_tables, files, paths

Tables = dict[str, pd.DataFrame]


def remove_orphans(params: Params) -> None:
    """Delete the tables of cells, strategies and controls that the grid does not have."""
    expected = grid.table_folders(params)
    for folder in paths.TABLES.iterdir():
        if folder.is_dir() and folder not in expected:
            print(f"removing {folder}: no longer in {paths.PARAMS}")
            shutil.rmtree(folder)


def choose_tickets(params: Params) -> tuple[Tables, Tables]:
    """The curves and the tickets of each cell, by its name.

    Raises LotteryError for a table that is missing or damaged.
    """
    curves, tickets = {}, {}
    for cell in grid.cells(params):
        levels = pd.concat(
            csv_tables.read(cell.of_arm(arm).tables_folder / "levels.csv")
            for arm in grid.arms(params)
        )
        try:
            curves[cell.name], chosen = ticket_choice.cell_curves(
                levels, params.strategies, params.evaluate.tolerance
            )
        except ValueError as error:
            raise LotteryError(
                f"{cell.tables_folder}-*/levels.csv: {error}; run 'dvc repro' to regenerate them"
            ) from None
        tickets[cell.name] = ticket_choice.cell_tickets(curves[cell.name], chosen)
    return curves, tickets


def write(params: Params, curves: Tables, tickets: Tables) -> None:
    """Write ``plots/curves``, ``plots/statistics`` and ``metrics``."""
    tables = grid_tables.tables(params, claims.load(paths.CLAIMS), curves, tickets)
    with files.replacing_directory(paths.METRICS) as folder:
        for cell in grid.cells(params):
            metrics = ticket_choice.cell_metrics(tickets[cell.name], _failed_seeds(params, cell))
            files.write_json(folder / paths.metrics(cell.name).name, metrics)
        verdicts = dict(zip(tables["claims"].claim, tables["claims"].verdict, strict=True))
        files.write_json(folder / paths.metrics("claims").name, verdicts)
    csv_tables.write_folder(paths.STATISTICS, tables)
    csv_tables.write_folder(paths.CURVES, curves)


def _failed_seeds(params: Params, cell: Run) -> Mapping[str, int]:
    """How many seeds of each arm have no results."""
    return {
        arm: len(csv_tables.failed(cell.of_arm(arm).tables_folder)) for arm in grid.arms(params)
    }
