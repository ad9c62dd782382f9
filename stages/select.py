"""Choose each strategy's ticket on validation, test the claims, and write what a review reads.

Spans the grid, so it reads ``plots/tables``, a directory that is whole in git; tables of cells
that are no longer in the grid are removed from it.
"""

import shutil
from pathlib import Path

import pandas as pd

from lottery import files, paths
from lottery.analysis import claims, contrasts, exploratory, tables
from lottery.analysis.select import VALIDATION_COLUMNS, cell_metrics, cell_tickets, choose_level
from lottery.errors import LotteryError
from lottery.params import Params
from stages import _run


def run(params: Params) -> None:
    """``plots/curves/<cell>.csv``, ``plots/statistics/*.csv``, ``metrics/<cell>.json`` and
    ``metrics/claims.json``."""
    cells = [(corpus, model) for corpus in params.corpora for model in params.models]
    names = [*params.strategies, *params.controls]
    expected = {paths.tables(*cell, name) for cell in cells for name in names}
    remove_orphans(expected | {paths.connectivity(*cell) for cell in cells})
    curves, tickets = {}, {}
    with files.replacing_directory(paths.METRICS) as metrics:
        for corpus, model in cells:
            name = paths.cell(corpus, model)
            folders = {own: paths.tables(corpus, model, own) for own in names}
            levels = pd.concat(tables.read(folder / "levels.csv") for folder in folders.values())
            chosen = {
                strategy: _choose(levels, strategy, params.evaluate.tolerance, folders[strategy])
                for strategy in params.strategies
            }
            levels["remaining"] = (100 * (1 - levels.sparsity)).round(4)
            levels["chosen"] = levels.level == levels.strategy.map(chosen)
            curves[name], tickets[name] = levels, cell_tickets(levels, chosen)
            failed = {own: len(tables.failed(folder)) for own, folder in folders.items()}
            found = cell_metrics(tickets[name], failed)
            files.write_json(metrics / paths.metrics(name).name, found)
        verdicts = _statistics(params, curves, tickets)
        files.write_json(metrics / paths.metrics("claims").name, verdicts)
    with files.replacing_directory(paths.CURVES) as folder:
        for name, levels in curves.items():
            tables.write(levels, folder / paths.curves(name).name)


def _statistics(
    params: Params, curves: dict[str, pd.DataFrame], tickets: dict[str, pd.DataFrame]
) -> dict[str, str]:
    """Write ``plots/statistics``; returns each claim's verdict."""
    asked = claims.load(paths.CLAIMS)
    std = {name: model.embedding_std for name, model in params.models.items()}
    margin, tolerance = params.evaluate.margin, params.evaluate.tolerance
    found = contrasts.contrasts(asked, curves, std, margin, tolerance)
    verdicts = claims.verdicts(asked, found)
    written = {
        "claims": verdicts,
        "contrasts": found,
        "levels": exploratory.levels(curves),
        "seed_tickets": exploratory.per_seed_tickets(curves, tolerance),
        "tickets": pd.concat(tickets, names=["cell"]).reset_index("cell"),
    }
    with files.replacing_directory(paths.STATISTICS) as folder:
        for name, table in written.items():
            tables.write(table, folder / f"{name}.csv")
    return dict(zip(verdicts.claim, verdicts.verdict, strict=True))


def _choose(levels: pd.DataFrame, strategy: str, tolerance: float, folder: Path) -> int | None:
    own = levels.loc[levels.strategy == strategy, VALIDATION_COLUMNS]
    try:
        return choose_level(own, tolerance)
    except ValueError as error:
        path = folder / "levels.csv"
        raise LotteryError(f"{path}: {error}; run 'dvc repro' to make it anew") from None


def remove_orphans(expected: set[Path]) -> None:
    """Delete the tables of cells, strategies and controls that the grid does not have."""
    for folder in paths.TABLES.iterdir():
        if folder.is_dir() and folder not in expected:
            print(f"removing {folder}: not in this grid")
            shutil.rmtree(folder)


if __name__ == "__main__":
    _run.main("select", __doc__, run)
