"""What sparse products would give the LSTM: its recurrent product, dense and at high sparsity."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numba import prange

from lottery.kernels import loop, products
from lottery.kernels.survivors import compressed
from lottery.training import device

HIDDEN, BATCH = 256, 64
SHARES = (0.1, 0.05, 0.02, 0.01)


def products_at(threads: int, rounds: int = 200) -> dict[str, Any]:
    """Microseconds of one time step's product of 64 states with ``weight_hh``: oneDNN's dense one,
    PyTorch's compressed rows, and a loop over the values that are not zero."""
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
        found = {name: 1e6 * statistics.median(own) for name, own in seconds.items()}
        rows.append({"sparsity": 1 - share, **found})
    return {"product": f"[{BATCH}, {HIDDEN}] x [{HIDDEN}, {4 * HIDDEN}]", "rows": rows}


def _contenders(
    states: torch.Tensor, weight: torch.Tensor, sparse: torch.Tensor
) -> dict[str, Callable[[], Any]]:
    packed = products.packed(weight, BATCH)
    turned = states.T.contiguous()
    starts, where, values = compressed(sparse.numpy())
    rows = [torch.from_numpy(own) for own in (starts, where.astype(np.int64), values)]
    csr = torch.sparse_csr_tensor(*rows, size=tuple(weight.shape))
    out = np.empty((4 * HIDDEN, BATCH), np.float32)
    return {
        "dense_us": lambda: products.linear(states, packed),
        "torch_csr_us": lambda: csr @ turned,
        "loop_us": lambda: _times(starts, where, values, turned.numpy(), out),
    }


@loop
def _times(starts, where, values, right, out):  # type: ignore[no-untyped-def]
    for row in prange(len(starts) - 1):
        own = out[row]
        own[:] = 0
        for entry in range(starts[row], starts[row + 1]):
            factor = values[entry]
            other = right[where[entry]]
            for place in range(own.size):
                own[place] += factor * other[place]
