"""One seed's levels on validation and test, in whichever process works on them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from lottery import batches, paths
from lottery.analysis import predictions, scores, tables
from lottery.errors import LotteryError
from lottery.models import Weights
from lottery.params import Params
from lottery.pruning import masks
from lottery.training import checkpoints, loop
from stages import _cell

PARTS = ("validation", "test")
States = Iterable[tuple[int, float, Weights]]
"""Level, sparsity and full weights."""
Rows = dict[str, list[dict[str, object]]]


def evaluate(
    params: Params, corpus: str, model: str, strategy: str, folder: Path, seed: int
) -> Rows:
    """Write one seed's logits into ``folder``; returns the rows of its tables."""
    source = paths.seed(paths.chain(corpus, model, strategy), seed)
    if failure := _cell.failure(source):
        return {"failed": [{"seed": seed, **failure}]}
    network = _cell.network(params, corpus, model)
    states = _states(corpus, model, strategy, seed, _cell.shapes(network[0]))
    return scored(network, corpus, states, folder / f"seed-{seed}.safetensors", seed)


def scored(
    network: tuple[torch.nn.Module, int, torch.device],
    corpus: str,
    states: States,
    path: Path,
    seed: int,
) -> Rows:
    """As :func:`evaluate`, for ``states``, of which the first is dense; the logits to ``path``."""
    own, rows, place = network
    tokens = paths.tokens(corpus)
    documents = {part: batches.load(tokens, part, rows, place) for part in PARTS}
    labels = {part: found.labels.cpu().numpy() for part, found in documents.items()}
    logits: dict[str, list[np.ndarray]] = {part: [] for part in PARTS}
    levels: list[dict[str, object]] = []
    for level, sparsity, weights in tqdm(states, unit="level", desc=f"seed {seed}"):
        loop.load_weights(own, weights)
        row: dict[str, object] = {"seed": seed, "level": level, "sparsity": sparsity}
        for part in PARTS:
            values = loop.logits(own, documents[part])
            logits[part].append(values)
            row[f"{part}_accuracy"] = scores.accuracy(values, labels[part])
            row[f"{part}_loss"] = scores.loss(values, labels[part])
        levels.append(row)
    stacked = {part: np.stack(found) for part, found in logits.items()}
    tensors = {part: torch.from_numpy(found) for part, found in stacked.items()}
    checkpoints.save(tensors, path)
    numbers = [row["level"] for row in levels]
    found: Rows = {"levels": levels}
    compared = predictions.compare(stacked["test"], labels["test"])
    for name, table in zip(("predictions", "classes"), compared, strict=True):
        table["level"] = [numbers[place] for place in table.level]
        table.insert(0, "seed", seed)
        found[name] = table.to_dict("records")
    return found


def _states(
    corpus: str, model: str, strategy: str, seed: int, shapes: _cell.Shapes
) -> Iterator[tuple[int, float, Weights]]:
    """The dense network, then each level of the chain."""
    dense = paths.seed(paths.dense(corpus, model), seed)
    yield 0, 0.0, checkpoints.load(dense / "final.safetensors", shapes)
    folder = paths.seed(paths.chain(corpus, model, strategy), seed)
    record = _cell.load_record(folder, shapes)
    levels = int(tables.read(folder / "tensors.csv").level.max())
    for number in range(1, levels + 1):
        yield number, masks.sparsity(record, number), level(folder, record, number)


def level(folder: Path, record: masks.RemovedAt, number: int) -> Weights:
    """The full weights of one trained level. Raises LotteryError for another network's."""
    path = paths.level(folder, number)
    try:
        return masks.restore(checkpoints.load(path), record, number)
    except ValueError as error:
        raise LotteryError(f"{path}: {error}; run 'dvc repro' to make it anew") from None
