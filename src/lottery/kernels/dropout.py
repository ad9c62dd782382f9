"""Dropout in one pass each way, from random bits that are drawn beforehand."""

import numpy as np
import torch
from numba import prange

from lottery.kernels import loop
from lottery.kernels.scalars import array, narrow, widen


def dropout(values: torch.Tensor, bits: torch.Tensor, threshold: int, scale: float) -> torch.Tensor:
    """``values`` (float64, float32 or bfloat16) times ``scale`` where ``bits`` (int16, one per
    value) are at least ``threshold``, else zero."""
    result: torch.Tensor = _Dropout.apply(values, bits, threshold, scale)
    return result


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, bits, threshold, scale):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(bits)
        ctx.threshold, ctx.scale = threshold, scale
        return _apply(values, bits, threshold, scale)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        (bits,) = ctx.saved_tensors
        return _apply(gradient, bits, ctx.threshold, ctx.scale), None, None, None


def _apply(values: torch.Tensor, bits: torch.Tensor, threshold: int, scale: float) -> torch.Tensor:
    result = torch.empty(values.shape, dtype=values.dtype)
    scale_type = np.float64 if values.dtype == torch.float64 else np.float32
    flat = array(values.contiguous()).reshape(-1)
    _drop(flat, array(bits), np.int16(threshold), scale_type(scale), array(result).reshape(-1))
    return result


@loop
def _drop(values, bits, threshold, scale, result):  # type: ignore[no-untyped-def]
    size = 4096
    for part in prange((len(values) + size - 1) // size):
        part_values = values[part * size : (part + 1) * size]
        part_bits = bits[part * size : (part + 1) * size]
        out = result[part * size : (part + 1) * size]
        for index in range(out.size):
            factor = scale if part_bits[index] >= threshold else scale * 0
            out[index] = narrow(widen(part_values[index]) * factor, part_values[index])
