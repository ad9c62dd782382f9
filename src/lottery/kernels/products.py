"""Matrix products on a CPU, where float32 runs at the speed of the machine.

``torch.mm`` in float32 is MKL's, which takes AVX2 on an AMD processor: 93 GFLOP/s a core where
oneDNN, a part of PyTorch too, reaches 208 with AVX-512. So products go to oneDNN where it is there.
"""

from functools import cache

import torch
import torch.nn.functional as F

ROWS = 64
"""oneDNN compiles a product for each new shape, as long as a small one takes: where the number
of rows is a batch's own, it is rounded up to a multiple of this."""

_DEPTH = 4096
"""Rows summed at a time in :func:`transposed`: what it copies then stays in the cache."""


def rounded(rows: int) -> int:
    """``rows``, rounded up to a multiple of :data:`ROWS`."""
    return -(-rows // ROWS) * ROWS


def _onednn(values: torch.Tensor) -> bool:
    known = values.dtype in (torch.float32, torch.bfloat16)
    return known and values.device.type == "cpu" and torch.backends.mkldnn.is_available()


@cache
def multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for it: oneDNN refuses bfloat16 where it has not."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def linear(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """``values @ weight.T`` for ``[rows, inputs]`` and ``[outputs, inputs]``, without a gradient.

    ``weight`` may come from :func:`packed`. Both of one dtype, float64, float32 or bfloat16; where
    the processor does not multiply bfloat16, its values are multiplied as float32 and rounded.
    """
    if not _onednn(values):
        return F.linear(values, weight)
    if values.dtype == torch.bfloat16 and not multiplies_bfloat16():
        return linear(values.float(), weight.float()).bfloat16()
    return torch.ops.mkldnn._linear_pointwise(values, weight, None, "none", [], "")


def packed(weight: torch.Tensor, rows: int) -> torch.Tensor:
    """``weight`` in the order that oneDNN reads, for many :func:`linear` of up to ``rows`` rows."""
    if not _onednn(weight):
        return weight
    if weight.dtype == torch.bfloat16 and not multiplies_bfloat16():
        weight = weight.float()
    return torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)


def transposed(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """``left.T @ right`` for ``[rows, n]`` and ``[rows, m]``: a weight's gradient, ``[n, m]``.

    bfloat16 is summed in float32 between blocks of rows; the result is of the inputs' dtype.
    """
    if not _onednn(left):
        return left.T @ right
    blocks = zip(left.split(_DEPTH), right.split(_DEPTH), strict=True)
    first, *rest = (linear(b.T, a.T) for a, b in blocks)
    total = first.float()
    for block in rest:
        total += block
    return total.to(left.dtype).T
