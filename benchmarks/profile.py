"""Where a step's time goes by part: what bounds it, and what sparsity does not shrink."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from benchmarks.cells import CELLS, some
from benchmarks.contenders.ours import plan
from benchmarks.levels import chain
from lottery import runs
from lottery.batches import Documents
from lottery.kernels import dropping, products, recurrence, rows, survivors, windows
from lottery.pruning import masks
from lottery.training import device, loop, optimisers

PARTS: dict[str, tuple[tuple[Any, str], ...]] = {
    "products": (
        (products, "linear"),
        (products, "transposed"),
        (products, "packed"),
        (survivors, "table"),
    ),
    "windows, forward": ((windows, "_forward"), (windows, "_forward_sparse")),
    "windows, backward": ((windows, "_backward_words"), (windows, "_backward_weight")),
    "time steps": ((recurrence, "_step"), (recurrence, "_step_back")),
    "dropout": ((dropping, "_apply"),),
    "batch": ((Documents, "batch"), (rows, "_distinct")),
    "Adam": ((rows, "_catch_up"), (rows, "_update_rows"), (rows, "_update")),
}
"""The functions of the library that make up each part of a step; what is left is PyTorch's own."""

REST = "autograd, rest"


def profile(threads: int) -> list[dict[str, Any]]:
    """Milliseconds a step by part: the CNN on IMDb at a real chain's levels, the LSTM on both."""
    device.prepare("cpu", threads)
    found = []
    states = chain(CELLS["imdb-cnn"], 8, 0.25)
    for level in (0, 6, 7, 8):
        found.append(_parts("imdb-cnn", torch.float32, masks.at_level(states[level][0], level)))
        found[-1]["sparsity"] = masks.sparsity(states[level][0], level)
    for cell in ("ag_news-cnn", "imdb-lstm", "ag_news-lstm"):
        found += [_parts(cell, kind) for kind in (torch.float32, torch.bfloat16)]
    return found


def _parts(
    name: str, precision: torch.dtype, alive: dict[str, torch.Tensor] | None = None
) -> dict[str, Any]:
    cell = CELLS[name]
    network = cell.network()
    network.precision = precision
    if alive is None:
        alive = masks.at_level(runs.record_of(dict(network.named_parameters())), 0)
    optimiser = optimisers.build(network, alive)
    own = some(cell, cell.batches)
    loop.one_epoch(network, own, optimiser, plan(cell), 0)
    seconds: dict[str, float] = {}
    start = time.perf_counter()
    with _timed(seconds):
        loop.one_epoch(network, own, optimiser, plan(cell), 1)
    whole = time.perf_counter() - start
    parts = {part: 1e3 * spent / cell.batches for part, spent in seconds.items()}
    total = 1e3 * whole / cell.batches
    rest = total - sum(parts.values())
    kind = str(precision).removeprefix("torch.")
    return {"cell": name, "precision": kind, "sparsity": 0.0, "step_ms": total} | {
        "parts_ms": parts | {REST: rest}
    }


@contextmanager
def _timed(seconds: dict[str, float]) -> Iterator[None]:
    """Add up what each part takes; a part called by another counts as the outer one."""
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
