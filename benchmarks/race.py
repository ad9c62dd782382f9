"""The contenders take turns: one process each, and in every round one after the other."""

import importlib
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import torch

from benchmarks import arithmetic
from benchmarks.cells import CELLS, Cell, sample
from lottery import kernels, progress
from lottery.kernels import matmul

CONTENDERS = ("study", "plain", "plain_flush", "ours", "ours_bf16")
OTHERS = CONTENDERS[:3]
"""Those that the library is compared with."""
SLOW = {(name, "imdb-lstm") for name in OTHERS}
"""Where a step takes many seconds: there is no warm-up; with ``--quick`` plain has one round, and
study none."""
SLOW_ROUNDS = {"study": 2, "plain": 3, "plain_flush": 3}


def race(threads: int, rounds: int, quick: bool) -> dict[str, Any]:
    """A row per cell: the times of all contenders, and of the machine's own product after them."""
    rows: dict[str, Any] = {}
    with started(threads) as connections:
        for cell in CELLS.values():
            row = _row(cell, _seconds(cell, connections, rounds, quick), quick)
            row["matmul_gflops"] = matmul_peak(threads)
            row["share_of_matmul_peak"] = row["gflops"] / max(row["matmul_gflops"].values())
            rows[cell.name] = row
    return rows


def _seconds(
    cell: Cell, connections: dict[str, Connection], rounds: int, quick: bool
) -> dict[str, list[float]]:
    """Each contender's seconds per step, by round."""
    steps = cell.quick if quick else cell.batches
    most = dict.fromkeys(connections, rounds)
    for name in connections:
        if (name, cell.name) in SLOW:
            most[name] = int(name != "study") if quick else SLOW_ROUNDS[name]
    runners = [name for name in connections if most[name]]
    for name in runners:
        connections[name].send((cell.name, steps))
        connections[name].recv()  # ready and warmed up: one works at a time
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for number in progress.track(range(rounds), cell.name, "rounds", rounds):
        for name in runners:
            if number < most[name]:
                connections[name].send("train")
                seconds[name].append(connections[name].recv() / steps)
    return seconds


@contextmanager
def started(threads: int) -> Iterator[dict[str, Connection]]:
    """A process per contender, by its connection: see :func:`serve`."""
    context = multiprocessing.get_context("spawn")
    connections, processes = {}, []
    for name in CONTENDERS:
        connections[name], theirs = context.Pipe()
        processes.append(context.Process(target=serve, args=(theirs, name, threads)))
        processes[-1].start()
    try:
        yield connections
    finally:
        for connection in connections.values():
            connection.send(None)
        for process in processes:
            process.join()


def serve(connection: Connection, name: str, threads: int) -> None:
    """The work of a contender's process, until it receives None.

    On a cell's name and a number of steps it loads them and warms up; on ``train`` it trains and
    answers with the seconds. What the contender sets, it sets first, in this process only.
    """
    contender = importlib.import_module(f"benchmarks.contenders.{name}")
    contender.prepare(threads)
    train: Callable[[], float] = float  # nothing to train yet
    while message := connection.recv():
        if message == "train":
            start = time.perf_counter()
            train()
            connection.send(time.perf_counter() - start)
            continue
        cell, steps = message
        train = contender.load(CELLS[cell], sample(CELLS[cell], steps))
        if (name, cell) not in SLOW:
            train()
        connection.send("ready")


def _row(cell: Cell, seconds: dict[str, list[float]], quick: bool) -> dict[str, Any]:
    median = {name: statistics.median(rounds) for name, rounds in seconds.items() if rounds}
    row: dict[str, Any] = {f"{name}_s": median.get(name) for name in CONTENDERS}
    for name in OTHERS:
        pairs = zip(seconds[name], seconds["ours"], strict=False)
        ratios = [theirs / ours for theirs, ours in pairs]
        row[f"{name}_over_ours"] = median[name] / median["ours"] if ratios else None
        row[f"{name}_over_ours_spread"] = [min(ratios), max(ratios)] if ratios else None
    row["ours_over_bf16"] = median["ours"] / median["ours_bf16"]
    row["spread_s"] = {
        name: [min(rounds), max(rounds)] for name, rounds in seconds.items() if rounds
    }
    row["rounds"] = {name: len(rounds) for name, rounds in seconds.items()}
    steps = cell.quick if quick else cell.batches
    row["steps"] = steps
    row["gflops"] = arithmetic.operations(cell, sample(cell, steps)) / steps / median["ours"] / 1e9
    return row


def matmul_peak(threads: int) -> dict[str, float]:
    """GFLOP/s of one large product in float32: by torch.mm, and by the library."""
    torch.set_num_threads(threads)
    kernels.set_threads(threads)
    size = 2048
    left, right = torch.randn(size, size), torch.randn(size, size)
    gflops = {}
    for name, product in (("torch_mm", torch.mm), ("ours", matmul.linear)):
        seconds = []
        for _ in range(12):
            start = time.perf_counter()
            product(left, right)
            seconds.append(time.perf_counter() - start)
        gflops[name] = 2 * size**3 / statistics.median(seconds) / 1e9
    return gflops
