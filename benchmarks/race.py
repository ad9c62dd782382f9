"""The contenders side by side: one process each, one round after the other, by turns."""

import importlib
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.cells import BATCH, CELLS, Cell, some
from lottery import kernels
from lottery.kernels import products
from lottery.training import device

CONTENDERS = ("study", "plain", "ours", "ours_bf16")
SLOW = {("study", "imdb-lstm"), ("plain", "imdb-lstm")}
"""A step takes many seconds: no warming up; with ``--quick`` one round of plain, none of study."""
SLOW_ROUNDS = {"study": 2, "plain": 7}


def race(threads: int, rounds: int, quick: bool) -> dict[str, Any]:
    """Time all contenders on all cells, and after each the machine's product: a row a cell."""
    found: dict[str, Any] = {}
    with started(threads) as lines:
        for cell in CELLS.values():
            row = _row(cell, _cell(cell, lines, rounds, quick), quick)
            row["matmul_gflops"] = matmul_peak(threads)
            row["share_of_matmul_peak"] = row["gflops"] / max(row["matmul_gflops"].values())
            found[cell.name] = row
    return found


def _cell(
    cell: Cell, lines: dict[str, Connection], rounds: int, quick: bool
) -> dict[str, list[float]]:
    steps = cell.quick if quick else cell.batches
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    own = [name for name in lines if not (quick and name == "study" and (name, cell.name) in SLOW)]
    for name in own:
        lines[name].send((cell.name, steps))
        lines[name].recv()  # ready and warmed up: one works at a time
    for number in tqdm(range(rounds), desc=cell.name, unit="round"):
        for name in own:
            if (name, cell.name) in SLOW and number >= (1 if quick else SLOW_ROUNDS[name]):
                continue
            lines[name].send("train")
            seconds[name].append(lines[name].recv() / steps)
    return seconds


@contextmanager
def started(threads: int) -> Iterator[dict[str, Connection]]:
    """A process a contender: each waits for a word and answers."""
    context = multiprocessing.get_context("spawn")
    lines, processes = {}, []
    for name in CONTENDERS:
        lines[name], theirs = context.Pipe()
        processes.append(context.Process(target=serve, args=(theirs, name, threads)))
        processes[-1].start()
    try:
        yield lines
    finally:
        for line in lines.values():
            line.send(None)
        for process in processes:
            process.join()


def serve(line: Connection, name: str, threads: int) -> None:
    """A contender's process: told a cell and steps it makes ready, told to train it answers with
    its seconds. The library's settings of threads and memory are set in its own processes only."""
    if name.startswith("ours"):
        device.prepare("cpu", threads)
    torch.set_num_threads(threads)
    contender = importlib.import_module(f"benchmarks.contenders.{name}")
    train: Callable[[], float] = float  # nothing to train yet
    while word := line.recv():
        if word == "train":
            start = time.perf_counter()
            train()
            line.send(time.perf_counter() - start)
            continue
        cell, steps = word
        train = contender.load(CELLS[cell], some(CELLS[cell], steps))
        if (name, cell) not in SLOW:
            train()
        line.send("ready")


def _row(cell: Cell, seconds: dict[str, list[float]], quick: bool) -> dict[str, Any]:
    median = {name: statistics.median(own) for name, own in seconds.items() if own}
    row: dict[str, Any] = {f"{name}_s": median.get(name) for name in CONTENDERS}
    for name in ("study", "plain"):
        pairs = zip(seconds[name], seconds["ours"], strict=False)
        ratios = [theirs / mine for theirs, mine in pairs]
        row[f"{name}_over_ours"] = median[name] / median["ours"] if ratios else None
        row[f"{name}_over_ours_spread"] = [min(ratios), max(ratios)] if ratios else None
    row["ours_over_bf16"] = median["ours"] / median["ours_bf16"]
    row["spread_s"] = {name: [min(own), max(own)] for name, own in seconds.items() if own}
    row["rounds"] = {name: len(own) for name, own in seconds.items()}
    steps = cell.quick if quick else cell.batches
    row["steps"] = steps
    row["gflops"] = arithmetic(cell, steps) / median["ours"] / 1e9
    return row


def arithmetic(cell: Cell, steps: int) -> float:
    """Floating-point operations a step that our method does, on the slice's real batches.

    LSTM: a multiply and an add a weight and token, forward, and twice backward. CNN: the product of
    each batch's distinct words with all filters, a window's sums, and the winners' gradients.
    """
    own = some(cell, steps)
    ranked = np.argsort(own.lengths, kind="stable")
    total = 0.0
    for start in range(0, len(ranked), BATCH):
        batch = ranked[start : start + BATCH]
        tokens = int(own.lengths[batch].sum())
        if cell.model == "lstm":
            weights = sum(2 * 4 * 256 * (inputs + 256) for inputs in (100, 512))
            total += 3 * 2 * weights * tokens
            continue
        columns = 100 * (3 + 4 + 5)
        words = torch.cat([own.ids[own.starts[n] : own.starts[n] + own.sizes[n]] for n in batch])
        distinct = len(words.unique())
        total += 2 * distinct * 100 * columns + tokens * columns
        total += 0.5 * 2 * 2 * BATCH * columns * 100  # half the winners fall to dropout
    return total / steps


def matmul_peak(threads: int) -> dict[str, float]:
    """GFLOP/s of one large product in float32: torch.mm, and the library's."""
    torch.set_num_threads(threads)
    kernels.set_threads(threads)
    size = 2048
    left, right = torch.randn(size, size), torch.randn(size, size)
    found = {}
    for name, product in (("torch_mm", torch.mm), ("ours", products.linear)):
        seconds = []
        for _ in range(12):
            start = time.perf_counter()
            product(left, right)
            seconds.append(time.perf_counter() - start)
        found[name] = 2 * size**3 / statistics.median(seconds) / 1e9
    return found
