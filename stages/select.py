"""Choose each strategy's ticket on validation, and write what a review reads.

Spans the grid, so it reads ``plots/tables``, a directory that is whole in git; tables of cells
that are no longer in the grid are removed from it.
"""

import shutil
from pathlib import Path

import pandas as pd

from lottery import files, paths
from lottery.analysis.select import VALIDATION_COLUMNS, cell_metrics, choose_level
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
                pd.read_csv(paths.tables(corpus, model, strategy) / "levels.csv")
                for strategy in params.strategies
            )
            chosen = {
                strategy: choose_level(
                    levels.loc[levels.strategy == strategy, VALIDATION_COLUMNS],
                    params.evaluate.tolerance,
                )
                for strategy in params.strategies
            }
            levels["remaining"] = (100 * (1 - levels.sparsity)).round(4)
            levels["chosen"] = levels.level == levels.strategy.map(chosen)
            levels.to_csv(curves / paths.curves(name).name, index=False, float_format="%.6g")
            files.write_json(metrics / paths.metrics(name).name, cell_metrics(levels, chosen))


def remove_orphans(expected: set[Path]) -> None:
    """Delete the tables of cells and strategies that the grid does not have."""
    for folder in paths.TABLES.iterdir():
        if folder.is_dir() and folder not in expected:
            print(f"removing {folder}: not in this grid")
            shutil.rmtree(folder)


if __name__ == "__main__":
    _run.main("select", __doc__, run)
