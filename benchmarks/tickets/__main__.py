"""Measure tickets beside other ways to classify text, one thread, by turns.

For each cell of each folder, which is a working tree that has run: the levels of the first seed's
winning ticket, and the dense network in PyTorch and ONNX Runtime (extra ``onnx``), and TF-IDF with
logistic regression. Seconds are of processor time, since other processes may share the machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import chdir
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.__main__ import machine
from benchmarks.tickets import contenders, entropy
from benchmarks.tickets.contenders import Contender
from lottery import metrics
from lottery.config import grid, params
from lottery.config.grid import WINNING_TICKET, Run
from lottery.pipeline.jobs import export as job
from lottery.storage import csv_tables, files, paths, token_arrays
from lottery.tickets import export, format
from lottery.training import device

RESULTS = Path(__file__).parents[1] / "tickets.json"
ROUNDS = 5
DOCUMENTS = 1024
SINGLE = 200
"""Documents that are measured one at a time."""


def main() -> None:
    """Measure all cells of the folders, print and write ``benchmarks/tickets.json``."""
    parser = argparse.ArgumentParser("python -m benchmarks.tickets", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, default=[Path()])
    arguments = parser.parse_args()
    device.prepare("cpu", 1)
    cells = []
    for folder in arguments.folders:
        with chdir(folder):
            for cell in grid.cells(params.load(paths.PARAMS)):
                cells.append(measure(cell.of_arm(WINNING_TICKET)))
                print(json.dumps(cells[-1], indent=1), flush=True)
    versions = {name: metadata.version(name) for name in ("onnxruntime", "scikit-learn")}
    files.write_json(RESULTS, {"machine": {**machine(1), **versions}, "cells": cells})


def measure(run: Run) -> dict[str, Any]:
    """All rows of one cell."""
    seed = run.params.seeds[0]
    folder = paths.seed(run.pruning_folder, seed)
    last = int(csv_tables.read(folder / "tensors.csv").level.max())
    networks = [job.network(run, seed, level) for level in range(last + 1)]
    rows = len(networks[0].words)
    test_set, train_set = (_split(run, split, rows) for split in ("test", "train"))
    rivals = [
        contenders.pytorch(networks[0]),
        contenders.onnx(networks[0], int8=False),
        contenders.onnx(networks[0], int8=True),
        contenders.tfidf(train_set),
    ]
    tickets = [
        contenders.ticket(network, "float16", f"ticket, level {level}")
        for level, network in enumerate(networks)
    ]
    smaller = [
        contenders.ticket(networks[last], values, f"ticket, level {last}, {values}")
        for values in ("float32", "int8")
    ]
    every = [*rivals, *tickets, *smaller]
    chosen = np.random.default_rng(0).permutation(len(test_set[1]))[:DOCUMENTS]
    documents = [test_set[0][number] for number in chosen]
    seconds = _by_turns(every, documents)
    table = [
        {
            "contender": contender.name,
            "accuracy": round(metrics.accuracy(contender.logits(test_set[0]), test_set[1]), 2)
            if contender is not rivals[-1]
            else _plain_accuracy(contender, test_set),
            "bytes": contender.bytes,
            "documents_per_second": round(len(documents) / statistics.median(times)),
            "latency_ms": _latency(contender, documents[:SINGLE]),
        }
        for contender, times in zip(every, seconds, strict=True)
    ]
    return {
        "cell": run.cell,
        "tokens_per_document": round(float(np.mean([len(ids) for ids in documents])), 1),
        "weights": sum(mask.size for mask in networks[0].masks.values()),
        "level": last,
        "sparsity": round(export.contents(networks[last], "float16").header.sparsity, 4),
        "times_faster": {
            rival.name: _ratio(seconds[number], seconds[len(rivals) + last])
            for number, rival in enumerate(rivals)
        },
        "file": entropy.compare(networks[last]),
        "first_prediction_s": first_prediction(networks[last]),
        "rows": table,
    }


def _split(run: Run, split: str, rows: int) -> tuple[list[np.ndarray], np.ndarray]:
    arrays = token_arrays.read(run.tokens, split)
    documents = np.split(np.asarray(arrays.ids, np.int64), arrays.offsets[1:-1])
    return contenders.known(documents, rows), np.asarray(arrays.labels)


def _plain_accuracy(contender: Contender, test_set: tuple[list[np.ndarray], np.ndarray]) -> float:
    scores = contender.logits(test_set[0])
    scores = scores[:, None] if scores.ndim == 1 else scores
    return round(metrics.accuracy(scores, test_set[1]), 2)


def _by_turns(every: list[Contender], documents: list[np.ndarray]) -> list[list[float]]:
    """Seconds of each contender in each round; the first round, which compiles, is left out."""
    seconds: list[list[float]] = [[] for _ in every]
    for number in range(ROUNDS + 1):
        for contender, times in zip(every, seconds, strict=True):
            start = time.process_time()
            contender.logits(documents)
            if number:
                times.append(time.process_time() - start)
    return seconds


def _ratio(slow: list[float], fast: list[float]) -> dict[str, float]:
    """The median, lowest and highest ratio of the rounds."""
    ratios = [one / other for one, other in zip(slow, fast, strict=True)]
    return {
        "median": round(statistics.median(ratios), 2),
        "lowest": round(min(ratios), 2),
        "highest": round(max(ratios), 2),
    }


def _latency(contender: Contender, documents: list[np.ndarray]) -> dict[str, float]:
    times = []
    for document in documents:
        start = time.process_time()
        contender.logits([document])
        times.append(1000 * (time.process_time() - start))
    return {f"p{share}": round(float(np.percentile(times, share)), 3) for share in (50, 99)}


def first_prediction(network: export.Network) -> dict[str, float]:
    """Seconds from the shell to the predictions of three lines, the best of five: of processor
    time, and on the clock."""
    elapsed, used = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ticket")
        path.write_bytes(format.to_bytes(export.contents(network, "float16")))
        command = [sys.executable, "-m", "lottery.tickets.predict", str(path)]
        source = Path(export.__file__).parents[2]
        for _ in range(5):
            start, before = time.perf_counter(), os.times()
            subprocess.run(
                command,
                input=b"one line\nanother line of words\na third",
                env={**os.environ, "PYTHONPATH": str(source)},
                stdout=subprocess.DEVNULL,
                check=True,
            )
            after = os.times()
            elapsed.append(time.perf_counter() - start)
            used.append(
                after.children_user + after.children_system
                - before.children_user - before.children_system
            )  # fmt: skip
    return {"processor": round(min(used), 3), "clock": round(min(elapsed), 3)}


if __name__ == "__main__":
    torch.set_num_interop_threads(1)
    main()
