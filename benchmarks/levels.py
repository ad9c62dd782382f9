"""A whole level: where its time goes, what sparsity saves, and how its cost grows with the work."""

import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cells import CELLS, Cell, choose, documents
from benchmarks.contenders.ours import plan
from lottery import progress
from lottery.experiment import replicate
from lottery.pruning import masks
from lottery.pruning.masks import PrunedAt
from lottery.storage import tensors
from lottery.training import device, evaluation, loop
from lottery.training.batches import Documents

RATE = 0.4
GROWTH = {
    "documents": (3_500, 7_000, 14_000, 28_000),
    "tokens": (50, 100, 200, 400),
    "vocabulary": (6_250, 12_500, 25_000, 50_000),
    "level": (0, 3, 6, 9),
}
"""What is varied, one at a time; the others stay at 7,000, 200, 50,000 and level 0."""


def pruning_run(cell: Cell, levels: int, share: float) -> list[PrunedAt]:
    """``pruned_at`` of each level of a winning ticket's pruning run, dense first.

    One epoch per level, on a ``share`` of the documents.
    """
    network, splits = cell.network(), _splits(cell, share)
    init = loop.copy_weights(network)
    pruned_at, trained = replicate.pruned_at_dense(init), init
    result = []
    for level in range(levels + 1):
        if level:
            pruned_at = masks.prune(trained, pruned_at, level, dict.fromkeys(init, RATE), "local")
        loop.load_weights(network, init)
        level_masks = masks.at_level(pruned_at, level)
        loop.train(network, splits, level_masks, plan(cell, level=level, epochs=1))
        trained = loop.copy_weights(network)
        result.append(pruned_at)
    return result


def _splits(cell: Cell, share: float) -> tuple[Documents, Documents]:
    """A ``share`` of the training and of the validation set, drawn at random."""
    chosen = []
    for name in ("train", "validation"):
        split = documents(cell, name)
        drawn = np.random.default_rng(1).permutation(len(split))[: int(share * len(split))]
        chosen.append(choose(split, drawn))
    return chosen[0], chosen[1]


def sparsity(threads: int, rounds: int, share: float) -> dict[str, Any]:
    """Seconds per epoch at each level of a real pruning run of the IMDb CNN, by turns."""
    device.prepare("cpu", threads)
    cell = CELLS["imdb-cnn"]
    pruned = pruning_run(cell, 8, share)
    network, (train_set, _) = cell.network(), _splits(cell, share)
    splits = train_set, choose(train_set, np.arange(64))
    seconds: dict[int, list[float]] = {level: [] for level in range(len(pruned))}
    for number in progress.track(range(rounds + 1), "levels", "rounds", rounds + 1):
        for level, pruned_at in enumerate(pruned):
            # As a winning ticket is trained: its initial weights under the level's masks.
            loop.load_weights(network, dict(cell.network().named_parameters()))
            level_masks = masks.at_level(pruned_at, level)
            start = time.perf_counter()
            loop.train(network, splits, level_masks, plan(cell, epochs=1))
            if number:  # the first round warms up
                seconds[level].append(time.perf_counter() - start)
    dense = seconds[0]
    rows = []
    for level, of_level in seconds.items():
        ratios = [first / second for first, second in zip(dense, of_level, strict=True)]
        rows.append(
            {
                "level": level,
                "sparsity": masks.sparsity(pruned[level], level),
                "epoch_s": statistics.median(of_level),
                "dense_over_level": statistics.median(ratios),
                "spread": [min(ratios), max(ratios)],
            }
        )
    return {"documents": len(train_set), "rounds": rounds, "levels": rows}


def whole_levels(threads: int, share: float) -> dict[str, Any]:
    """Where a whole level's time goes on each CNN cell: epochs, validation, pruning, saving."""
    device.prepare("cpu", threads)
    return {name: _whole_level(CELLS[name], share) for name in ("imdb-cnn", "ag_news-cnn")}


def _whole_level(cell: Cell, share: float) -> dict[str, Any]:
    network, splits = cell.network(), _splits(cell, share)
    weights = loop.copy_weights(network)
    pruned_at = replicate.pruned_at_dense(weights)
    dense_masks = masks.at_level(pruned_at, 0)
    loop.train(network, splits, dense_masks, plan(cell, epochs=1))
    clock = [time.perf_counter()]
    epochs = 5  # the study trains ten or twenty
    loop.load_weights(network, weights)
    evaluate = _timed(evaluation, "evaluate")
    try:
        loop.train(network, splits, dense_masks, plan(cell, epochs=epochs))
    finally:
        evaluation.evaluate = evaluate.function
    clock.append(time.perf_counter())
    trained = loop.copy_weights(network)
    pruned_at = masks.prune(trained, pruned_at, 1, dict.fromkeys(trained, 0.2), "local")
    clock.append(time.perf_counter())
    with tempfile.TemporaryDirectory() as folder:
        tensors.save(masks.survivors(trained, pruned_at, 1), Path(folder) / "level.safetensors")
        tensors.save(pruned_at, Path(folder) / "pruned_at.safetensors")
    clock.append(time.perf_counter())
    training, pruning, saving = np.diff(clock).tolist()
    return {
        "epochs": epochs,
        "train_s": training - evaluate.seconds,
        "validate_s": evaluate.seconds,
        "prune_s": pruning,
        "save_s": saving,
        "outside_share": (pruning + saving) / (training + pruning + saving),
    }


class _Timed:
    """A function, and the seconds spent in it."""

    def __init__(self, function: Any) -> None:
        self.function, self.seconds = function, 0.0

    def __call__(self, *arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return self.function(*arguments)
        finally:
            self.seconds += time.perf_counter() - start


def _timed(module: Any, name: str) -> _Timed:
    timed = _Timed(getattr(module, name))
    setattr(module, name, timed)
    return timed


def growth(threads: int) -> list[dict[str, Any]]:
    """Seconds per level of one epoch, its pruning included, and peak memory of the process, while
    one quantity at a time grows."""
    context = multiprocessing.get_context("spawn")
    rows = []
    points = [(name, value) for name, values in GROWTH.items() for value in values]
    for name, value in progress.track(points, "growth", "points", len(points)):
        with context.Pool(1) as pool:
            measured = pool.apply(point, (threads, name, value))
            rows.append({"varied": name, "value": value, **measured})
    return rows


def point(threads: int, name: str, value: int) -> dict[str, float]:
    """One point of :func:`growth`, in this process."""
    device.prepare("cpu", threads)
    sizes = {"documents": 7_000, "tokens": 200, "vocabulary": 50_000, "level": 0, name: value}
    cell = Cell("imdb", "cnn", 2, sizes["vocabulary"] + 2, 0.005, 0, 0)
    every = documents(cell)
    drawn = np.random.default_rng(1).permutation(len(every))[: sizes["documents"]]
    train_set = choose(every, drawn, sizes["tokens"])
    splits = train_set, choose(train_set, np.arange(64))
    network = cell.network()
    init = loop.copy_weights(network)
    pruned_at = replicate.pruned_at_dense(init)
    # Once in advance: at first compiled code is loaded and memory is mapped.
    loop.train(network, splits, masks.at_level(pruned_at, 0), plan(cell, epochs=1))
    for level in range(sizes["level"] + 1):
        start = time.perf_counter()
        if level:
            pruned_at = masks.prune(
                loop.copy_weights(network),
                pruned_at,
                level,
                dict.fromkeys(init, RATE),
                "local",
            )
        loop.load_weights(network, init)
        loop.train(network, splits, masks.at_level(pruned_at, level), plan(cell, epochs=1))
        seconds = time.perf_counter() - start
    return {"epoch_s": seconds, "peak_mb": peak_mb()}


def peak_mb() -> float:
    """The most memory that this process has had, in MB; getrusage counts its parent's too."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM in /proc/self/status")
