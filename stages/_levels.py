"""One seed's levels on validation and test, in whichever process works on them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from lottery import batches, paths
from lottery.analysis import scores, tables
from lottery.errors import LotteryError
from lottery.params import Params
from lottery.pruning import masks
from lottery.runs import Weights
from lottery.training import checkpoints, loop
from stages import _cell

PARTS = ("validation", "test")


def evaluate(
    params: Params, corpus: str, model: str, strategy: str, folder: Path, seed: int
) -> list[dict[str, object]]:
    """Write one seed's logits into ``folder``; returns a row a level, or one that says why not."""
    source = paths.seed(paths.chain(corpus, model, strategy), seed)
    if failure := _cell.failure(source):
        return [{"seed": seed, **failure}]
    network, rows, place = _cell.network(params, corpus, model)
    documents = {part: batches.load(paths.tokens(corpus), part, rows, place) for part in PARTS}
    logits: dict[str, list[np.ndarray]] = {part: [] for part in PARTS}
    levels = []
    states = _states(corpus, model, strategy, seed, _cell.shapes(network))
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
    corpus: str, model: str, strategy: str, seed: int, shapes: _cell.Shapes
) -> Iterator[tuple[int, float, Weights]]:
    """Level, sparsity and full weights: the dense network, then each level of the chain."""
    dense = paths.seed(paths.dense(corpus, model), seed)
    yield 0, 0.0, checkpoints.load(dense / "final.safetensors", shapes)
    folder = paths.seed(paths.chain(corpus, model, strategy), seed)
    record = checkpoints.load(folder / "removed_at.safetensors", shapes, torch.uint8)
    levels = int(tables.read(folder / "tensors.csv").level.max())
    for number in range(1, levels + 1):
        path = paths.level(folder, number)
        try:
            weights = masks.restore(checkpoints.load(path), record, number)
        except ValueError as error:
            raise LotteryError(f"{path}: {error}; run 'dvc repro' to make it anew") from None
        yield number, masks.sparsity(record, number), weights
