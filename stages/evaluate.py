"""Run every level of one strategy's chains on validation and test."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from lottery import batches, files, paths
from lottery.analysis import scores, tables
from lottery.errors import LotteryError
from lottery.params import Params
from lottery.pruning import masks
from lottery.runs import Weights
from lottery.training import checkpoints, loop
from stages import _cell, _run, _seeds

PARTS = ("validation", "test")


def run(params: Params, corpus: str, model: str, strategy: str) -> None:
    """``data/logits/<cell>-<strategy>/seed-<n>.safetensors``: float32 ``[levels + 1, documents,
    outputs]`` a part, level 0 the dense network; and the tidy tables of accuracy, training curves
    and counts in ``plots/tables/<cell>-<strategy>/``."""
    with files.replacing_directory(paths.logits(corpus, model, strategy)) as folder:
        levels = _seeds.each(evaluate, params, corpus, model, strategy, folder)
    found = {
        "levels": pd.DataFrame([row for seed in levels for row in seed]),
        "epochs": _history(params, corpus, model, strategy, "epochs"),
        "tensors": _history(params, corpus, model, strategy, "tensors"),
    }
    with files.replacing_directory(paths.tables(corpus, model, strategy)) as folder:
        for name, table in found.items():
            table.insert(0, "strategy", strategy)
            tables.write(table, folder / f"{name}.csv")


def evaluate(
    params: Params, corpus: str, model: str, strategy: str, folder: Path, seed: int
) -> list[dict[str, object]]:
    """Write one seed's logits into ``folder``; returns a row a level."""
    network, rows, place = _cell.network(params, corpus, model)
    documents = {part: batches.load(paths.tokens(corpus), part, rows, place) for part in PARTS}
    logits: dict[str, list[np.ndarray]] = {part: [] for part in PARTS}
    levels = []
    states = _states(corpus, model, strategy, seed)
    for level, sparsity, weights in tqdm(states, unit="level", desc=f"seed {seed}"):
        loop.load_weights(network, weights)
        row: dict[str, object] = {"seed": seed, "level": level, "sparsity": sparsity}
        for part, own in documents.items():
            values = loop.logits(network, own)
            labels = own.labels.cpu().numpy()
            logits[part].append(values)
            row[f"{part}_accuracy"] = scores.accuracy(values, labels)
            row[f"{part}_loss"] = scores.loss(values, labels)
        levels.append(row)
    stacked = {part: torch.from_numpy(np.stack(found)) for part, found in logits.items()}
    checkpoints.save(stacked, folder / f"seed-{seed}.safetensors")
    return levels


def _states(
    corpus: str, model: str, strategy: str, seed: int
) -> Iterator[tuple[int, float, Weights]]:
    """Level, sparsity and full weights: the dense network, then each level of the chain."""
    yield (
        0,
        0.0,
        checkpoints.load(paths.seed(paths.dense(corpus, model), seed) / "final.safetensors"),
    )
    folder = paths.seed(paths.chain(corpus, model, strategy), seed)
    record = checkpoints.load(folder / "removed_at.safetensors")
    levels = int(tables.read(folder / "tensors.csv").level.max())
    for number in range(1, levels + 1):
        path = paths.level(folder, number)
        try:
            weights = masks.restore(checkpoints.load(path), record, number)
        except ValueError as error:
            raise LotteryError(f"{path}: {error}; run 'dvc repro' to make it anew") from None
        yield number, masks.sparsity(record, number), weights


def _history(params: Params, corpus: str, model: str, strategy: str, name: str) -> pd.DataFrame:
    """The chain's own table ``name`` of all seeds, the dense run's rows first where it has one."""
    found = []
    for seed in params.seeds:
        for run in (paths.dense(corpus, model), paths.chain(corpus, model, strategy)):
            path = paths.seed(run, seed) / f"{name}.csv"
            if path.exists():
                table = tables.read(path)
                table.insert(0, "seed", seed)
                found.append(table)
    return pd.concat(found, ignore_index=True)


if __name__ == "__main__":
    _run.main("evaluate", __doc__, run, "corpus", "model", "strategy")
