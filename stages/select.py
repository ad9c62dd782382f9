"""Choose each strategy's ticket on validation, and write what a review reads.

Spans the grid, so it reads ``plots/tables``, a directory that is whole in git; tables of cells
that are no longer in the grid are removed from it.
"""

import shutil
from pathlib import Path

import pandas as pd

from lottery import files, paths
from lottery.analysis import tables
from lottery.analysis.select import VALIDATION_COLUMNS, cell_metrics, choose_level
from lottery.errors import LotteryError
from lottery.params import Params
from stages import _run


def run(params: Params) -> None:
    """``plots/curves/<cell>.csv`` and ``metrics/<cell>.json``."""
    cells = [(corpus, model) for corpus in params.corpora for model in params.models]
    remove_orphans({paths.tables(*cell, name) for cell in cells for name in params.strategies})
    with (
        files.replacing_directory(paths.CURVES) as curves,
        files.replacing_directory(paths.METRICS) as metrics,
    ):
        for corpus, model in cells:
            name = paths.cell(corpus, model)
            levels = pd.concat(
                tables.read(paths.tables(corpus, model, strategy) / "levels.csv")
                for strategy in params.strategies
            )
            chosen = {
                strategy: _choose(levels, strategy, params.evaluate.tolerance, name)
                for strategy in params.strategies
            }
            levels["remaining"] = (100 * (1 - levels.sparsity)).round(4)
            levels["chosen"] = levels.level == levels.strategy.map(chosen)
            tables.write(levels, curves / paths.curves(name).name)
            failed = {
                strategy: len(tables.failed(paths.tables(corpus, model, strategy)))
                for strategy in params.strategies
            }
            found = cell_metrics(levels, chosen, failed)
            files.write_json(metrics / paths.metrics(name).name, found)


def _choose(levels: pd.DataFrame, strategy: str, tolerance: float, cell: str) -> int | None:
    own = levels.loc[levels.strategy == strategy, VALIDATION_COLUMNS]
    try:
        return choose_level(own, tolerance)
    except ValueError as error:
        path = paths.TABLES / f"{cell}-{strategy}" / "levels.csv"
        raise LotteryError(f"{path}: {error}; run 'dvc repro' to make it anew") from None


def remove_orphans(expected: set[Path]) -> None:
    """Delete the tables of cells and strategies that the grid does not have."""
    for folder in paths.TABLES.iterdir():
        if folder.is_dir() and folder not in expected:
            print(f"removing {folder}: not in this grid")
            shutil.rmtree(folder)


if __name__ == "__main__":
    _run.main("select", __doc__, run)
