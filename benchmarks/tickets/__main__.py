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
from benchmarks.tickets import contenders, entropy, footprint, untrained
from benchmarks.tickets.contenders import Contender
from lottery import metrics
from lottery.config import grid, params
from lottery.config.grid import WINNING_TICKET, Run
from lottery.pipeline.jobs import export as job
from lottery.storage import csv_tables, files, paths, token_arrays
from lottery.tickets import export
from lottery.training import device

RESULTS = Path(__file__).parents[1] / "tickets.json"
ROUNDS = 5
DOCUMENTS = 1024
SINGLE = 200
"""Documents that are measured one at a time."""


def main() -> None:
    """Measure the cells of the folders; print them, and write each into
    ``benchmarks/tickets.json``, where those that are not measured stay."""
    parser = argparse.ArgumentParser("python -m benchmarks.tickets", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, default=[Path()])
    parser.add_argument("--cells", nargs="+", metavar="CELL", help="these cells only")
    parser.add_argument(
        "--untrained",
        type=int,
        metavar="UNITS",
        help="beside each LSTM, one of so many units with random weights (speed and size only)",
    )
    arguments = parser.parse_args()
    device.prepare("cpu", 1)
    for folder in arguments.folders:
        with chdir(folder):
            for cell in grid.cells(params.load(paths.PARAMS)):
                if arguments.cells and cell.name not in arguments.cells:
                    continue
                run = cell.of_arm(WINNING_TICKET)
                _record(measure(run))
                if cell.model == "lstm" and arguments.untrained:
                    _record(measure_untrained(run, arguments.untrained))


def _record(cell: dict[str, Any]) -> None:
    """Print what was measured of a cell, and put it in the place of what is in the file."""
    print(json.dumps(cell, indent=1), flush=True)
    versions = {name: metadata.version(name) for name in ("onnxruntime", "scikit-learn")}
    cell = {**cell, "machine": {**machine(1), **versions}}
    written = json.loads(RESULTS.read_text(encoding="utf-8"))["cells"] if RESULTS.exists() else []
    others = [row for row in written if row["cell"] != cell["cell"]]
    files.write_json(RESULTS, {"cells": sorted([*others, cell], key=lambda row: row["cell"])})


def measure(run: Run) -> dict[str, Any]:
    """All rows of one cell: its own trained networks."""
    seed = run.params.seeds[0]
    folder = paths.seed(run.pruning_folder, seed)
    last = int(csv_tables.read(folder / "tensors.csv").level.max())
    networks = [job.network(run, seed, level) for level in range(last + 1)]
    return {"cell": run.cell, **_compare(run, networks)}


def measure_untrained(run: Run, hidden: int) -> dict[str, Any]:
    """The rows of an LSTM of ``hidden`` units with random weights, pruned by magnitude: its speed
    and size, since no run has trained one. It reads the corpus of ``run``."""
    cell = f"{run.cell}-{hidden}-untrained"
    result = {"cell": cell, **_compare(run, untrained.levels(run, hidden))}
    for row in result["rows"]:
        if not row["contender"].startswith("TF-IDF"):
            row["accuracy"] = None
    return result


def _compare(run: Run, networks: list[export.Network]) -> dict[str, Any]:
    """``networks`` are the levels, the dense one first."""
    dense, last = networks[0], networks[-1]
    rows = len(dense.words)
    test_set, train_set = (_split(run, split, rows) for split in ("test", "train"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rivals = [
            contenders.pytorch(dense, folder),
            contenders.onnx(dense, folder, int8=False),
            contenders.onnx(dense, folder, int8=True),
            contenders.tfidf(train_set, list(dense.words), folder),
        ]
        tickets = [
            contenders.ticket(network, "float16", f"ticket, level {level}", folder)
            for level, network in enumerate(networks)
        ]
        name = tickets[-1].name
        smaller = [
            contenders.ticket(last, values, f"{name}, {values}", folder)
            for values in ("float32", "int8")
        ]
        every = [*rivals, *tickets, *smaller]
        chosen = np.random.default_rng(0).permutation(len(test_set[1]))[:DOCUMENTS]
        documents = [test_set[0][number] for number in chosen]
        seconds = _by_turns(every, documents)
        measured = [*rivals, tickets[-1]]
        footprints = {each.name: footprint.measure(each, documents) for each in measured}
        table = [
            {
                "contender": contender.name,
                "accuracy": round(
                    metrics.accuracy(contender.logits(contender.prepare(test_set[0])), test_set[1]),
                    2,
                ),
                "bytes": contender.bytes,
                **footprints.get(contender.name, {}),
                "documents_per_second": round(len(documents) / statistics.median(times)),
                "latency_ms": _latency(contender, documents[:SINGLE]),
            }
            for contender, times in zip(every, seconds, strict=True)
        ]
        first_prediction_s = first_prediction(tickets[-1].path)
    of_last = seconds[len(rivals) + len(tickets) - 1]
    return {
        "tokens_per_document": round(float(np.mean([len(ids) for ids in documents])), 1),
        "weights": sum(mask.size for mask in dense.masks.values()),
        "level": len(networks) - 1,
        "sparsity": round(export.contents(last, "float16").header.sparsity, 4),
        "times_faster": {
            rival.name: _ratio(times, of_last)
            for rival, times in zip(rivals, seconds, strict=False)
        },
        "file": entropy.compare(last),
        "first_prediction_s": first_prediction_s,
        "rows": table,
    }


def _split(run: Run, split: str, rows: int) -> tuple[list[np.ndarray], np.ndarray]:
    """The documents, with ids beyond the model's ``rows`` as unknown words, and their labels."""
    arrays = token_arrays.read(run.tokens, split)
    ids = np.where(arrays.ids < rows, arrays.ids, token_arrays.UNK).astype(np.int64)
    return np.split(ids, arrays.offsets[1:-1]), np.asarray(arrays.labels)


def _by_turns(every: list[Contender], documents: list[np.ndarray]) -> list[list[float]]:
    """Seconds of each contender in each round; the first round, which compiles, is left out."""
    seconds: list[list[float]] = [[] for _ in every]
    prepared = [contender.prepare(documents) for contender in every]
    for number in range(ROUNDS + 1):
        for contender, inputs, times in zip(every, prepared, seconds, strict=True):
            start = time.process_time()
            contender.logits(inputs)
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
    for document in contender.prepare(documents):
        start = time.process_time()
        contender.logits([document])
        times.append(1000 * (time.process_time() - start))
    return {f"p{share}": round(float(np.percentile(times, share)), 3) for share in (50, 99)}


def first_prediction(path: Path) -> dict[str, float]:
    """Seconds from the shell to the predictions of three lines, the best of five: of processor
    time, and on the clock."""
    elapsed, used = [], []
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
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )
    return {"processor": round(min(used), 3), "clock": round(min(elapsed), 3)}


if __name__ == "__main__":
    torch.set_num_interop_threads(1)
    main()
