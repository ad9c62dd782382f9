"""Matrix products on a CPU, where float32 runs at the speed of the machine.

``torch.mm`` in float32 is MKL's, which uses AVX2 on an AMD processor: 93 GFLOP/s per core, where
oneDNN, also a part of PyTorch, reaches 208 with AVX-512. So with AVX-512, products go to oneDNN.
"""

from functools import cache

import torch
import torch.nn.functional as F

ROWS = 64
"""oneDNN compiles a product for each new shape, which takes as long as a small one: where the
number of rows differs from batch to batch, it is rounded up to a multiple of this."""

_DEPTH = 4096
"""Rows summed at a time in :func:`transposed`: what it copies then stays in the cache."""


def rounded(rows: int) -> int:
    """``rows``, rounded up to a multiple of :data:`ROWS`."""
    return -(-rows // ROWS) * ROWS


@cache
def _has_avx512() -> bool:
    """Whether the processor has AVX-512, where oneDNN is faster. Without AVX-512 oneDNN has no
    bfloat16, and MKL's small products take a quarter of its time."""
    return (
        torch.backends.mkldnn.is_available() and "AVX512" in torch.backends.cpu.get_cpu_capability()
    )


def _uses_onednn(values: torch.Tensor) -> bool:
    return values.dtype in (torch.float32, torch.bfloat16) and _has_avx512()


def linear(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """``values @ weight.T`` for ``[rows, inputs]`` and ``[outputs, inputs]``, without a gradient.

    ``weight`` may come from :func:`packed`. Both of one dtype, float64, float32 or bfloat16; where
    the processor does not multiply bfloat16, its values are multiplied as float32 and rounded.
    """
    if _uses_onednn(values):
        return torch.ops.mkldnn._linear_pointwise(values, weight, None, "none", [], "")
    if values.dtype == torch.bfloat16:
        return F.linear(values.float(), weight.float()).bfloat16()
    return F.linear(values, weight)


def packed(weight: torch.Tensor, rows: int) -> torch.Tensor:
    """``weight`` in the order that oneDNN reads, for many :func:`linear` of up to ``rows`` rows."""
    if not _uses_onednn(weight):
        return weight.float() if weight.dtype == torch.bfloat16 else weight
    return torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)


def transposed(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """``left.T @ right`` for ``[rows, n]`` and ``[rows, m]``: a weight's gradient, ``[n, m]``.

    bfloat16 is summed in float32 between blocks of rows; the result is of the inputs' dtype.
    """
    if not _uses_onednn(left):
        if left.dtype == torch.bfloat16:
            return (left.float().T @ right.float()).bfloat16()
        return left.T @ right
    blocks = zip(left.split(_DEPTH), right.split(_DEPTH), strict=True)
    first, *rest = (linear(b.T, a.T) for a, b in blocks)
    total = first.float()
    for block in rest:
        total += block
    return total.to(left.dtype).T
