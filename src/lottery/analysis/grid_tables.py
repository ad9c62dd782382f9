"""Every table that is computed over the whole grid, from the curves of its cells."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lottery.analysis import contrasts, exploratory, transfers, verdicts
from lottery.analysis.claims import Claim
from lottery.analysis.majority import DENSE_COLUMNS
from lottery.config import grid
from lottery.config.schema import Params


def tables(
    params: Params,
    to_test: tuple[Claim, ...],
    curves: dict[str, pd.DataFrame],
    tickets: Mapping[str, pd.DataFrame],
    dense: Mapping[str, Mapping[str, Any]],
    documents: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """The tables of ``plots/statistics`` by name.

    ``curves`` and ``tickets`` have a table per cell, ``dense`` a row (see
    :func:`lottery.analysis.majority.dense_row`), by the cell's name. ``documents`` is
    what the stages that compare measured. The table ``transfers`` is there only if there are pairs.
    Raises ValueError if a pruning run lacks a level.
    """
    margin, tolerance = params.evaluate.margin, params.evaluate.tolerance
    cells = {cell.name: cell for cell in grid.cells(params)}
    embedding_std = {name: cell.model_settings.embedding_std for name, cell in cells.items()}
    no_ticket = {name: row["no_ticket"] for name, row in dense.items() if row["no_ticket"]}
    required = contrasts.needed(to_test, embedding_std)
    tested = contrasts.contrasts(required, curves, margin, tolerance, no_ticket, documents)
    by_contrast = verdicts.of_contrasts(required, tested)
    corpus_and_model = {name: (cell.corpus, cell.model) for name, cell in cells.items()}
    transferred = grid.transfers(params)
    return {
        "claims": verdicts.of_claims(to_test, by_contrast, corpus_and_model),
        "claim_contrasts": by_contrast,
        "contrasts": tested,
        "dense": pd.DataFrame(
            [{"cell": name, **row} for name, row in dense.items()], columns=["cell", *DENSE_COLUMNS]
        ),
        "levels": exploratory.levels(curves),
        "seed_tickets": exploratory.per_seed_tickets(curves, tolerance),
        "tickets": pd.concat(tickets, names=["cell"]).reset_index("cell"),
        **({"transfers": transfers.table(transferred, curves)} if transferred else {}),
    }
