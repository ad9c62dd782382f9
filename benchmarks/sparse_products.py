"""Whether sparse products would help the LSTM: its recurrent product, dense and sparse."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numba import prange

from lottery.kernels import loop, matmul
from lottery.kernels.sparse_matmul import compressed
from lottery.training import device

HIDDEN, BATCH = 256, 64
SHARES = (0.1, 0.05, 0.02, 0.01)


def products_at(threads: int, rounds: int = 200) -> dict[str, Any]:
    """Microseconds of one time step's product of 64 states with ``weight_hh``: dense by oneDNN,
    with PyTorch's compressed rows, and by a loop over the values that are not zero."""
    device.prepare("cpu", threads)
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(BATCH, HIDDEN, generator=generator)
    weight = torch.randn(4 * HIDDEN, HIDDEN, generator=generator)
    rows = []
    for share in SHARES:
        sparse = weight * (torch.rand(weight.shape, generator=generator) < share)
        contenders = _contenders(states, weight, sparse)
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, contender in contenders.items():
                start = time.perf_counter()
                contender()
                seconds[name].append(time.perf_counter() - start)
        medians = {name: 1e6 * statistics.median(times) for name, times in seconds.items()}
        rows.append({"sparsity": 1 - share, **medians})
    return {"product": f"[{BATCH}, {HIDDEN}] x [{HIDDEN}, {4 * HIDDEN}]", "rows": rows}


def _contenders(
    states: torch.Tensor, weight: torch.Tensor, sparse: torch.Tensor
) -> dict[str, Callable[[], Any]]:
    packed = matmul.packed(weight, BATCH)
    transposed = states.T.contiguous()
    starts, columns, values = compressed(sparse.numpy())
    arrays = (starts, columns.astype(np.int64), values)
    rows, indices, entries = (torch.from_numpy(array) for array in arrays)
    csr = torch.sparse_csr_tensor(rows, indices, entries, size=tuple(weight.shape))
    out = np.empty((4 * HIDDEN, BATCH), np.float32)
    return {
        "dense_us": lambda: matmul.linear(states, packed),
        "torch_csr_us": lambda: csr @ transposed,
        "loop_us": lambda: _product(starts, columns, values, transposed.numpy(), out),
    }


@loop
def _product(starts, columns, values, right, out):  # type: ignore[no-untyped-def]
    for row in prange(len(starts) - 1):
        sums = out[row]
        sums[:] = 0
        for entry in range(starts[row], starts[row + 1]):
            factor = values[entry]
            factors = right[columns[entry]]
            for index in range(sums.size):
                sums[index] += factor * factors[index]
