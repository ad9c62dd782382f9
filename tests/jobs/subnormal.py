"""Whether a product that is a subnormal number is zero, in each thread that computes."""

from pathlib import Path
from types import SimpleNamespace

import numba
import numpy as np
import torch
from numba import prange

from lottery.kernels import matmul
from lottery.pipeline import preload  # noqa: F401  (as every job needs the library)
from lottery.training import device

THREADS = 2


@numba.njit(parallel=True)
def numba_products(values, factors, threads, products):  # type: ignore[no-untyped-def]
    for number in prange(len(values)):
        threads[number] = numba.get_thread_id()
        products[number] = values[number] * factors[number]


def run_seed(run: SimpleNamespace, folder: Path, seed: int, reporter: object) -> dict[str, object]:
    device.prepare("cpu", THREADS)
    assert torch.get_num_threads() == THREADS
    values = torch.full((1024, 1024), 1e-30)  # each thread has a part of so many
    factors = torch.full((1024, 1024), 1e-10)
    products, threads = np.empty(1 << 20, np.float32), np.empty(1 << 20, np.int64)
    numba_products(values.flatten().numpy(), factors.flatten().numpy(), threads, products)
    # Bits are compared: where subnormal numbers are flushed, one of them also compares as zero.
    bits = products.view(np.int32)
    return {
        "torch": is_zero(values * factors),
        "matrices": is_zero(matmul.linear(values, factors)),
        "numba": [not bits[threads == number].any() for number in np.unique(threads)],
    }


def is_zero(values: torch.Tensor) -> bool:
    return not values.view(torch.int32).any()
