"""Every table that is computed over the whole grid, from the curves of its cells."""

from collections.abc import Mapping

import pandas as pd

from lottery.analysis import claims, contrasts, exploratory
from lottery.analysis.claims import Claim
from lottery.config import grid
from lottery.config.schema import Params


def tables(
    params: Params,
    to_test: tuple[Claim, ...],
    curves: dict[str, pd.DataFrame],
    tickets: Mapping[str, pd.DataFrame],
) -> dict[str, pd.DataFrame]:
    """The tables of ``plots/statistics`` by name.

    ``curves`` and ``tickets`` have a table per cell, by the cell's name. Raises ValueError if a
    pruning run lacks a level.
    """
    margin, tolerance = params.evaluate.margin, params.evaluate.tolerance
    cells = {cell.name: cell for cell in grid.cells(params)}
    embedding_std = {name: cell.model_settings.embedding_std for name, cell in cells.items()}
    tested = contrasts.contrasts(to_test, curves, embedding_std, margin, tolerance)
    corpus_and_model = {name: (cell.corpus, cell.model) for name, cell in cells.items()}
    return {
        "claims": claims.verdicts(to_test, tested, corpus_and_model),
        "contrasts": tested,
        "levels": exploratory.levels(curves),
        "seed_tickets": exploratory.per_seed_tickets(curves, tolerance),
        "tickets": pd.concat(tickets, names=["cell"]).reset_index("cell"),
    }
