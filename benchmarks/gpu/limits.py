"""What a card can do at most, measured: its products, and reading from its L2 cache."""

import statistics
import time
from collections.abc import Callable
from functools import partial

import torch

from benchmarks.gpu_operations import synchronize
from lottery.training import device

SIZE = 8192
"""Rows and columns of the product."""
CACHED, TIMES = 4 << 20, 64
"""Numbers (float32) that fit into the L2 cache, and how often they are read."""


def measure(target: str, size: int = SIZE, cached: int = CACHED) -> dict[str, float]:
    """TFLOP/s of a large product in each precision, and TB/s of reading what the L2 cache has."""
    limits = {}
    for precision, dtype in device.DTYPES.items():
        where = device.prepare(target, 1, precision)
        square = torch.randn(size, size, device=where, dtype=dtype)
        spent = seconds(partial(torch.mm, square, square), where)
        limits[f"{precision}_tflops"] = 2e-12 * size**3 / spent
    where = torch.device(target)
    block = torch.randn(cached, device=where)
    spent = seconds(lambda: block.expand(TIMES, -1).sum(1), where)
    limits["l2_tb_per_s"] = 4e-12 * cached * TIMES / spent
    return limits


def seconds(run: Callable[[], object], where: torch.device) -> float:
    """The median of ten times, after one to warm up."""
    spent = []
    for _ in range(11):
        synchronize(where)
        start = time.perf_counter()
        run()
        synchronize(where)
        spent.append(time.perf_counter() - start)
    return statistics.median(spent[1:])
