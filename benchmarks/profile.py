"""Where a step's time goes, by part: what bounds it, and what sparsity does not shrink."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from benchmarks.cells import CELLS, sample
from benchmarks.contenders.ours import plan
from benchmarks.levels import pruning_run
from lottery.experiment import replicate
from lottery.kernels import (
    conv_maxpool,
    distinct,
    dropout,
    lazy_adam,
    lstm_step,
    matmul,
    sparse_matmul,
)
from lottery.pruning import masks
from lottery.training import device, loop, optimizers
from lottery.training.batches import Documents

PARTS: dict[str, tuple[tuple[Any, str], ...]] = {
    "products": (
        (matmul, "linear"),
        (matmul, "transposed"),
        (matmul, "packed"),
        (sparse_matmul, "linear"),
    ),
    "windows, forward": ((conv_maxpool, "_forward"), (conv_maxpool, "_forward_sparse")),
    "windows, backward": (
        (conv_maxpool, "_backward_embeddings"),
        (conv_maxpool, "_backward_weight"),
    ),
    "time steps": ((lstm_step, "forward"), (lstm_step, "backward")),
    "dropout": ((dropout, "_apply"),),
    "batch": ((Documents, "batch"), (distinct, "_distinct")),
    "Adam": ((lazy_adam, "_catch_up"), (lazy_adam, "_step_rows"), (lazy_adam, "_dense_step")),
}
"""The functions of the library that make up each part of a step; the rest is PyTorch's own."""

REST = "autograd, rest"


def profile(threads: int) -> list[dict[str, Any]]:
    """Milliseconds per step, by part: the CNN on IMDb at the levels of a real pruning run, and the
    other cells dense, in both precisions."""
    device.prepare("cpu", threads)
    rows = []
    pruned = pruning_run(CELLS["imdb-cnn"], 8, 0.25)
    for level in (0, 6, 7, 8):
        level_masks = masks.at_level(pruned[level], level)
        rows.append(_profile("imdb-cnn", torch.float32, level_masks))
        rows[-1]["sparsity"] = masks.sparsity(pruned[level], level)
    for cell in ("ag_news-cnn", "imdb-lstm", "ag_news-lstm"):
        rows += [_profile(cell, precision) for precision in (torch.float32, torch.bfloat16)]
    return rows


def _profile(
    name: str, precision: torch.dtype, level_masks: dict[str, torch.Tensor] | None = None
) -> dict[str, Any]:
    """The row of one cell; dense without masks."""
    cell = CELLS[name]
    network = cell.network()
    network.precision = precision
    if level_masks is None:
        pruned_at = replicate.pruned_at_dense(dict(network.named_parameters()))
        level_masks = masks.at_level(pruned_at, 0)
    optimizer = optimizers.build(network, level_masks)
    train_set = sample(cell, cell.batches)
    loop.one_epoch(network, train_set, optimizer, plan(cell), 0)
    seconds: dict[str, float] = {}
    start = time.perf_counter()
    with _timed(seconds):
        loop.one_epoch(network, train_set, optimizer, plan(cell), 1)
    elapsed = time.perf_counter() - start
    parts = {part: 1e3 * spent / cell.batches for part, spent in seconds.items()}
    total = 1e3 * elapsed / cell.batches
    rest = total - sum(parts.values())
    return {
        "cell": name,
        "precision": str(precision).removeprefix("torch."),
        "sparsity": 0.0,
        "step_ms": total,
        "parts_ms": parts | {REST: rest},
    }


@contextmanager
def _timed(seconds: dict[str, float]) -> Iterator[None]:
    """Add up the seconds of each part; a part that another one calls counts as the outer one."""
    originals = []
    inside = [False]

    def wrapped(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            if inside[0]:
                return function(*arguments)
            inside[0] = True
            start = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                seconds[part] = seconds.get(part, 0) + time.perf_counter() - start
                inside[0] = False

        return timed

    for part, functions in PARTS.items():
        for holder, name in functions:
            originals.append((holder, name, getattr(holder, name)))
            setattr(holder, name, wrapped(part, getattr(holder, name)))
    try:
        yield
    finally:
        for holder, name, function in originals:
            setattr(holder, name, function)
