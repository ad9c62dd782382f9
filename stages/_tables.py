"""The tidy tables of one strategy or control in one cell, from what its seeds returned."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from lottery import files, paths
from lottery.analysis import tables
from lottery.params import Params

SCORES = [f"{part}_{score}" for part in ("validation", "test") for score in ("accuracy", "loss")]
COLUMNS = {
    "levels": ["seed", "level", "sparsity", *SCORES],
    "predictions": ["seed", "level", "only_dense", "only_level", "mcnemar_p", "calibration_error"],
    "classes": ["seed", "level", "class", "documents", "accuracy"],
    "epochs": ["seed", "level", "epoch", "train_loss", "validation_loss", "validation_accuracy"],
    "tensors": ["seed", "level", "parameter", "alive", "size"],
}
FAILED = ["seed", "level", "reason"]
Seeds = Sequence[Mapping[str, list[dict[str, object]]]]


def write(
    params: Params, corpus: str, model: str, name: str, seeds: Seeds, sources: Sequence[Path]
) -> None:
    """``plots/tables/<cell>-<name>/``: a CSV file a table.

    ``seeds`` has the rows that each seed returned; ``sources`` the folders whose runs wrote epochs
    and tensors. Seeds whose training diverged are left out, and named in ``failed.csv``.
    """
    failed = pd.DataFrame([row for seed in seeds for row in seed.get("failed", [])], columns=FAILED)
    complete = [seed for seed in params.seeds if seed not in set(failed.seed)]
    found = {
        table: pd.DataFrame([row for seed in seeds for row in seed.get(table, [])], columns=columns)
        for table, columns in COLUMNS.items()
    }
    for table in ("epochs", "tensors"):
        found[table] = _history(complete, sources, table)
    if len(failed):
        found["failed"] = failed
        for row in failed.itertuples():
            print(f"{corpus}-{model} {name} seed {row.seed} is left out: {row.reason}")
    with files.replacing_directory(paths.tables(corpus, model, name)) as folder:
        for table, rows in found.items():
            rows.insert(0, "strategy", name)
            tables.write(rows, folder / f"{table}.csv")


def _history(seeds: Sequence[int], sources: Sequence[Path], name: str) -> pd.DataFrame:
    """The runs' own table ``name`` of all seeds, in the order of ``sources``."""
    found = [pd.DataFrame(columns=COLUMNS[name])]
    for seed in seeds:
        for run in sources:
            path = paths.seed(run, seed) / f"{name}.csv"
            if path.exists():
                table = tables.read(path)
                table.insert(0, "seed", seed)
                found.append(table)
    return pd.concat(found[1:] or found, ignore_index=True)
