"""Run every level of one strategy's chains on validation and test."""

from pathlib import Path

import pandas as pd

from lottery import files, paths
from lottery.analysis import tables
from lottery.params import Params
from stages import _run, _seeds

COLUMNS = {
    "epochs": ("level", "epoch", "train_loss", "validation_loss", "validation_accuracy"),
    "tensors": ("level", "parameter", "alive", "size"),
}
SCORES = [f"{part}_{score}" for part in ("validation", "test") for score in ("accuracy", "loss")]
LEVELS = ["seed", "level", "sparsity", *SCORES]


def run(params: Params, corpus: str, model: str, strategy: str) -> None:
    """``data/logits/<cell>-<strategy>/seed-<n>.safetensors``: float32 ``[levels + 1, documents,
    outputs]`` a part, level 0 the dense network; and the tidy tables of accuracy, training curves
    and counts in ``plots/tables/<cell>-<strategy>/``. Seeds whose training diverged are left out
    of them, and named in ``failed.csv``."""
    with files.replacing_directory(paths.logits(corpus, model, strategy)) as folder:
        seeds = _seeds.each(evaluate, params, corpus, model, strategy, folder)
    rows = pd.DataFrame([row for seed in seeds for row in seed])
    failed = rows[rows.reason.notna()] if "reason" in rows else rows[:0]
    complete = [seed for seed in params.seeds if seed not in set(failed.get("seed", []))]
    found = {
        "levels": rows[rows.seed.isin(complete)].reindex(columns=LEVELS),
        "epochs": _history(complete, corpus, model, strategy, "epochs"),
        "tensors": _history(complete, corpus, model, strategy, "tensors"),
    }
    if len(failed):
        found["failed"] = failed[["seed", "level", "reason"]]
        for row in failed.itertuples():
            print(f"{corpus}-{model} {strategy} seed {row.seed} is left out: {row.reason}")
    with files.replacing_directory(paths.tables(corpus, model, strategy)) as folder:
        for name, table in found.items():
            table.insert(0, "strategy", strategy)
            tables.write(table, folder / f"{name}.csv")


def evaluate(
    params: Params, corpus: str, model: str, strategy: str, folder: Path, seed: int
) -> list[dict[str, object]]:
    """Write one seed's logits into ``folder``; returns a row a level."""
    from stages import _levels

    return _levels.evaluate(params, corpus, model, strategy, folder, seed)


def _history(seeds: list[int], corpus: str, model: str, strategy: str, name: str) -> pd.DataFrame:
    """The chain's own table ``name`` of all seeds, the dense run's rows first where it has one."""
    found = [pd.DataFrame(columns=["seed", *COLUMNS[name]])]
    for seed in seeds:
        for run in (paths.dense(corpus, model), paths.chain(corpus, model, strategy)):
            path = paths.seed(run, seed) / f"{name}.csv"
            if path.exists():
                table = tables.read(path)
                table.insert(0, "seed", seed)
                found.append(table)
    return pd.concat(found[1:] or found, ignore_index=True)


if __name__ == "__main__":
    _run.main("evaluate", __doc__, run, "corpus", "model", "strategy")
