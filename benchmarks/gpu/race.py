"""The contenders take turns on one card: in every round one after the other."""

import statistics
import time
from typing import Any

import numpy as np
import torch

from benchmarks import arithmetic, cells
from benchmarks.cells import BATCH, Cell, sample
from benchmarks.gpu.contenders import Contender, Processes, Train
from benchmarks.gpu_operations import synchronize
from lottery.storage import token_arrays
from lottery.training.batches import Documents

GROUPS = (1, 5, 15, 30)
CONTENDERS = (
    Contender("study"),
    Contender("plain"),
    Contender("single"),
    Contender("processes", 5),
    *(Contender("lockstep", n, precision) for precision in ("tf32", "bfloat16") for n in GROUPS),
)
REFERENCE = "single 1 tf32"
"""One network after the other, as the library trains them on a GPU by itself."""
TILE = 16
"""Documents per program of the LSTM's kernels: ``lstm_triton.TILE``, which needs Triton."""
_MEAN_LENGTH = {"imdb": 266, "ag_news": 45}


def documents(cell: Cell, batches: int) -> tuple[Documents, bool]:
    """Training documents for that many batches, and whether they are real: those of the corpus
    where its token arrays are in ``.bench``, else random words with lengths like the corpus's."""
    if token_arrays.exist(cells.tokens(cell.corpus)):
        return sample(cell, batches), True
    random = np.random.default_rng(0)
    count = batches * BATCH
    mean = np.log(_MEAN_LENGTH[cell.corpus]) - 0.18
    lengths = random.lognormal(mean, 0.6, count).astype(np.int64).clip(5, 2700)
    words = (random.zipf(1.3, lengths.sum()) % (cell.rows - 2) + 2).astype(np.int32)
    labels = random.integers(0, cell.classes, count)
    arrays = (words, np.cumsum(lengths) - lengths, lengths, labels)
    tensors = (torch.from_numpy(array) for array in arrays)
    return Documents(*tensors, lengths=lengths), False


def race(
    cell: Cell, target: str, rounds: int, batches: int, limits: dict[str, float]
) -> dict[str, Any]:
    """A row per contender: networks, the median seconds of a pass with the lowest and highest,
    documents per second of all networks together, how many times that is one network after the
    other, memory, and the shares of the limits that the library's groups reach."""
    train_set, real = documents(cell, batches)
    running: dict[str, tuple[Contender, Train]] = {}
    rows: dict[str, Any] = {}
    for contender in CONTENDERS:
        train = contender.load(cell, train_set, target)
        if _memory(train, target, rows, contender.name):
            running[contender.name] = contender, train
    spent: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(rounds):
        for name, (contender, train) in running.items():
            contender.settings(target)
            synchronize(torch.device(target))
            start = time.perf_counter()
            train()
            synchronize(torch.device(target))
            spent[name].append(time.perf_counter() - start)
    for name, (contender, train) in running.items():
        rows[name] |= _row(contender, spent[name], len(train_set))
        rows[name]["over_one_after_the_other"] = (
            contender.networks * statistics.median(spent[REFERENCE]) / rows[name]["seconds"]
        )
        if contender.kind == "lockstep":
            rows[name] |= _shares(cell, train_set, contender, rows[name]["seconds"], limits)
        if isinstance(train, Processes):
            train.close()
    return {"batches": batches, "real_documents": real, "contenders": rows}


def _memory(train: Train, target: str, rows: dict[str, Any], name: str) -> bool:
    """Warm up, and note the most memory that it took; False if that was not enough."""
    if target == "cuda":
        torch.cuda.reset_peak_memory_stats()
    try:
        train()
    except torch.OutOfMemoryError:
        rows[name] = {"out_of_memory": True}
        return False
    rows[name] = {"memory_gb": torch.cuda.max_memory_allocated() / 1e9 if target == "cuda" else 0.0}
    return True


def _row(contender: Contender, spent: list[float], count: int) -> dict[str, Any]:
    seconds = statistics.median(spent)
    return {
        "networks": contender.networks,
        "seconds": seconds,
        "spread": [min(spent), max(spent)],
        "documents_per_s": contender.networks * count / seconds,
    }


def _shares(
    cell: Cell, train_set: Documents, contender: Contender, seconds: float, limits: dict[str, float]
) -> dict[str, float]:
    """The shares of the limits of products and, for an LSTM, of the L2 cache."""
    operations = contender.networks * arithmetic.operations(cell, train_set)
    peak = limits[f"{contender.precision}_tflops"]
    shares = {"share_of_products": 1e-12 * operations / seconds / peak}
    if cell.model == "lstm":
        size = 2 if contender.precision == "bfloat16" else 4
        streamed = contender.networks * arithmetic.streamed_bytes(train_set, TILE, size)
        shares["share_of_l2"] = 1e-12 * streamed / seconds / limits["l2_tb_per_s"]
    return shares
