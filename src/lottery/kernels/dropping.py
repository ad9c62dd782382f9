"""Dropout in one pass each way, from random bits that are drawn beforehand."""

import numpy as np
import torch
from numba import prange

from lottery.kernels import loop
from lottery.kernels.scalars import array, narrow, widen


def dropout(values: torch.Tensor, bits: torch.Tensor, threshold: int, scale: float) -> torch.Tensor:
    """``values`` (float64, float32 or bfloat16) times ``scale`` where ``bits`` (int16, as many) are
    at least ``threshold``, else zero."""
    found: torch.Tensor = _Dropout.apply(values, bits, threshold, scale)
    return found


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, bits, threshold, scale):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(bits)
        ctx.given = threshold, scale
        return _apply(values, bits, threshold, scale)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        (bits,) = ctx.saved_tensors
        return _apply(gradient, bits, *ctx.given), None, None, None


def _apply(values: torch.Tensor, bits: torch.Tensor, threshold: int, scale: float) -> torch.Tensor:
    found = torch.empty(values.shape, dtype=values.dtype)
    wide = np.float64 if values.dtype == torch.float64 else np.float32
    flat = array(values.contiguous()).reshape(-1)
    _drop(flat, array(bits), np.int16(threshold), wide(scale), array(found).reshape(-1))
    return found


@loop
def _drop(values, bits, threshold, scale, found):  # type: ignore[no-untyped-def]
    size = 4096
    for part in prange((len(values) + size - 1) // size):
        own = values[part * size : (part + 1) * size]
        kept = bits[part * size : (part + 1) * size]
        out = found[part * size : (part + 1) * size]
        for place in range(out.size):
            factor = scale if kept[place] >= threshold else scale * 0
            out[place] = narrow(widen(own[place]) * factor, own[place])
