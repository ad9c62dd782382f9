"""A whole level: where its time goes, what sparsity saves, and what it costs as work grows."""

import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.cells import CELLS, Cell, choose, documents
from benchmarks.contenders.ours import plan
from lottery import runs
from lottery.models import Weights
from lottery.pruning import masks
from lottery.pruning.masks import RemovedAt
from lottery.training import checkpoints, device, loop

RATE = 0.4
GROWTH = {
    "documents": (3_500, 7_000, 14_000, 28_000),
    "tokens": (50, 100, 200, 400),
    "vocabulary": (6_250, 12_500, 25_000, 50_000),
    "level": (0, 3, 6, 9),
}
"""What is varied, one at a time; the others stand at 7,000, 200, 50,000 and level 0."""


def chain(cell: Cell, levels: int, share: float) -> list[tuple[RemovedAt, Weights]]:
    """A winning-ticket chain of one epoch a level on a ``share`` of the documents: the record and
    the weights of each level, dense first."""
    network, train, validation = _parts(cell, share)
    init = loop.copy_weights(network)
    record = runs.record_of(init)
    found = []
    for level in range(levels + 1):
        if level:
            record = masks.prune(found[-1][1], record, level, RATE, "local", set(init))
        loop.load_weights(network, init)
        own = plan(cell, level=level, epochs=1)
        loop.train(network, train, validation, masks.at_level(record, level), own)
        found.append((record, loop.copy_weights(network)))
    return found


def _parts(cell: Cell, share: float) -> tuple[Any, Any, Any]:
    network = cell.network()
    parts = []
    for part in ("train", "validation"):
        whole = documents(cell, part)
        drawn = np.random.default_rng(1).permutation(len(whole))[: int(share * len(whole))]
        parts.append(choose(whole, drawn))
    return network, *parts


def sparsity(threads: int, rounds: int, share: float) -> dict[str, Any]:
    """Seconds of an epoch of training at each level of a real IMDb CNN chain, by turns."""
    device.prepare("cpu", threads)
    cell = CELLS["imdb-cnn"]
    states = chain(cell, 8, share)
    network, train, _ = _parts(cell, share)
    seconds: dict[int, list[float]] = {level: [] for level in range(len(states))}
    for number in tqdm(range(rounds + 1), desc="levels", unit="round"):
        for level, (record, _) in enumerate(states):
            # As a chain does: the winning ticket's initial weights under the level's mask.
            loop.load_weights(network, dict(cell.network().named_parameters()))
            alive = masks.at_level(record, level)
            start = time.perf_counter()
            loop.train(network, train, choose(train, np.arange(64)), alive, plan(cell, epochs=1))
            if number:
                seconds[level].append(time.perf_counter() - start)
    dense = seconds[0]
    rows = []
    for level, own in seconds.items():
        ratios = [first / second for first, second in zip(dense, own, strict=True)]
        rows.append(
            {
                "level": level,
                "sparsity": masks.sparsity(states[level][0], level),
                "epoch_s": statistics.median(own),
                "dense_over_level": statistics.median(ratios),
                "spread": [min(ratios), max(ratios)],
            }
        )
    return {"documents": len(train), "rounds": rounds, "levels": rows}


def whole(threads: int, share: float) -> dict[str, Any]:
    """Where a whole level's time goes on each CNN cell: one epoch, validation, pruning, saving."""
    device.prepare("cpu", threads)
    found = {}
    for name in ("imdb-cnn", "ag_news-cnn"):
        cell = CELLS[name]
        network, train, validation = _parts(cell, share)
        weights = loop.copy_weights(network)
        record = runs.record_of(weights)
        alive = masks.at_level(record, 0)
        loop.train(network, train, validation, alive, plan(cell, epochs=1))
        clock = [time.perf_counter()]
        epochs = 5  # of the study's ten or twenty
        loop.load_weights(network, weights)
        own = plan(cell, epochs=epochs)
        evaluate = _timed(loop, "evaluate")
        try:
            loop.train(network, train, validation, alive, own)
        finally:
            loop.evaluate = evaluate.function
        clock.append(time.perf_counter())
        trained = loop.copy_weights(network)
        record = masks.prune(trained, record, 1, 0.2, "local", set(trained))
        clock.append(time.perf_counter())
        with tempfile.TemporaryDirectory() as folder:
            survivors = masks.survivors(trained, record, 1)
            checkpoints.save(survivors, Path(folder) / "level.safetensors")
            checkpoints.save(record, Path(folder) / "record.safetensors")
        clock.append(time.perf_counter())
        both, pruning, saving = np.diff(clock).tolist()
        found[name] = {
            "epochs": epochs,
            "train_s": both - evaluate.seconds,
            "validate_s": evaluate.seconds,
            "prune_s": pruning,
            "save_s": saving,
            "outside_share": (pruning + saving) / (both + pruning + saving),
        }
    return found


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
    """Seconds of an epoch and peak memory of a process, one quantity growing at a time."""
    context = multiprocessing.get_context("spawn")
    rows = []
    points = [(name, value) for name, values in GROWTH.items() for value in values]
    for name, value in tqdm(points, desc="growth", unit="point"):
        with context.Pool(1) as pool:
            rows.append(
                {"varied": name, "value": value, **pool.apply(point, (threads, name, value))}
            )
    return rows


def point(threads: int, name: str, value: int) -> dict[str, float]:
    """One point of :func:`growth`, in this process."""
    device.prepare("cpu", threads)
    chosen = {"documents": 7_000, "tokens": 200, "vocabulary": 50_000, "level": 0, name: value}
    cell = Cell("imdb", "cnn", 2, chosen["vocabulary"] + 2, 0.005, 0, 0)
    every = documents(cell)
    drawn = np.random.default_rng(1).permutation(len(every))[: chosen["documents"]]
    train = choose(every, drawn, chosen["tokens"])
    validation = choose(train, np.arange(64))
    network = cell.network()
    weights = loop.copy_weights(network)
    record = runs.record_of(weights)
    start = time.perf_counter()
    for level in range(chosen["level"] + 1):
        if level:
            record = masks.prune(
                loop.copy_weights(network), record, level, RATE, "local", set(weights)
            )
        loop.load_weights(network, weights)
        loop.train(network, train, validation, masks.at_level(record, level), plan(cell, epochs=1))
        if not level:  # compiled code is loaded, memory is mapped: once more
            loop.load_weights(network, weights)
            start = time.perf_counter()
            loop.train(network, train, validation, masks.at_level(record, 0), plan(cell, epochs=1))
        seconds, start = time.perf_counter() - start, time.perf_counter()
    return {"epoch_s": seconds, "peak_mb": peak_mb()}


def peak_mb() -> float:
    """The most memory that this process has held; getrusage's begins with its parent's."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM in /proc/self/status")
