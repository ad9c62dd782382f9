"""The stages compare and compare_control: the part of the test documents in each contrast."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lottery import metrics
from lottery.analysis import accuracies, claims, contrasts, documents
from lottery.errors import LotteryError
from lottery.storage import csv_tables, logits, paths, token_arrays

if TYPE_CHECKING:
    import numpy as np

    from lottery.config.grid import Run


def compare(run: Run, logits_file: Callable[[int], Path]) -> None:
    """Write ``plots/documents/<cell>-<arm>.csv`` from each seed's logits, of the arm and of the
    winning ticket.

    ``logits_file`` says where the arm has those of a seed. Raises LotteryError for a missing or
    damaged file.
    """
    ticket = run.winning_ticket
    # Which cells a claim leaves out is decided where it is tested: a limit of zero leaves out none.
    needed = contrasts.needed(claims.load(paths.CLAIMS), {run.cell: 0.0})
    required = documents.required_of(
        run.arm, ticket.arm, {contrast: claim.levels for claim, contrast in needed}
    )
    labels = token_arrays.read(run.tokens, "test").labels
    is_right, levels = {}, {}
    for arm, file in {
        ticket.arm: lambda seed: logits.of_strategy(ticket.logits_folder, seed),
        run.arm: logits_file,
    }.items():
        levels[arm] = csv_tables.read(run.of_arm(arm).tables_folder / "levels.csv")
        is_right[arm] = {
            int(seed): _is_right(file(int(seed)), rows.level.tolist(), labels)
            for seed, rows in levels[arm].groupby("seed")
        }
    sparsity = accuracies.sparsities(pd.concat(levels.values()))
    table = documents.table(required, is_right, sparsity)
    csv_tables.write(table, paths.documents(run.name))


def _is_right(file: Path, levels: list[int], labels: np.ndarray) -> dict[int, np.ndarray]:
    """Whether each document is predicted right, by level. A control's file has dense first, too."""
    values = logits.read(file, "test")
    levels = levels if 0 in levels else [0, *levels]
    if values.shape[:2] != (len(levels), len(labels)):
        raise LotteryError(
            f"{file}: has {values.shape[0]} networks and {values.shape[1]} documents, expected "
            f"{len(levels)} and {len(labels)}; run 'dvc repro' to regenerate it"
        )
    return {
        level: metrics.predictions(of_level) == labels
        for level, of_level in zip(levels, values, strict=True)
    }
