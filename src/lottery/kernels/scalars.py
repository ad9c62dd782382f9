"""Functions of one number that Numba inlines and vectorizes, and bfloat16 as its 16 bits.

A kernel's arrays are float64, float32, or int16 that hold a bfloat16's bits. A kernel computes with
what :func:`widen` makes of an element, and writes what :func:`narrow` makes of the result.

A kernel that Numba has saved on disk does not notice a change here: change a line of its file too.
"""

import math

import numpy as np
import torch
from numba import types
from numba.extending import overload

from lottery.kernels import jit


def sum_dtype(values: torch.Tensor) -> torch.dtype:
    """The dtype in which products of ``values`` are summed: float32 for bfloat16, else theirs."""
    return torch.float32 if values.dtype == torch.bfloat16 else values.dtype


def array(tensor: torch.Tensor) -> np.ndarray:
    """``tensor`` as an array that shares its memory, bfloat16 as int16."""
    tensor = tensor.detach()
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


def widen(value):  # type: ignore[no-untyped-def]
    """A bfloat16's bits as float32; float64 and float32 as they are."""
    raise NotImplementedError


def narrow(value, like):  # type: ignore[no-untyped-def]
    """``value`` in the dtype of ``like``; for bfloat16's bits rounded to nearest, ties to even."""
    raise NotImplementedError


def sigmoid(value):  # type: ignore[no-untyped-def]
    """The logistic function, for float32 to 1e-7."""
    raise NotImplementedError


def tanh(value):  # type: ignore[no-untyped-def]
    """The hyperbolic tangent, for float32 to 2e-7."""
    raise NotImplementedError


@overload(widen, inline="always")
def _widen(value):  # type: ignore[no-untyped-def]
    if value == types.int16:
        return lambda value: np.int32(np.int32(value) << np.int32(16)).view(np.float32)
    return lambda value: value


@overload(narrow, inline="always")
def _narrow(value, like):  # type: ignore[no-untyped-def]
    if like == types.int16:
        return _bits
    return lambda value, like: value


def _bits(value, like):  # type: ignore[no-untyped-def]
    bits = np.float32(value).view(np.int32)
    # To the nearest, halves to even, as PyTorch rounds.
    bits += np.int32(0x7FFF) + ((bits >> np.int32(16)) & np.int32(1))
    return np.int16(bits >> np.int32(16))


@overload(sigmoid, inline="always")
def _sigmoid(value):  # type: ignore[no-untyped-def]
    if value == types.float32:
        return lambda value: np.float32(1) / (np.float32(1) + _exponential(-value))
    return lambda value: 1 / (1 + math.exp(-value))


@overload(tanh, inline="always")
def _tanh(value):  # type: ignore[no-untyped-def]
    if value == types.float32:
        # 1 - 2 / (e^2x + 1): near zero the relative error grows, but only the absolute one counts.
        return lambda value: (
            np.float32(1) - np.float32(2) / (np.float32(1) + _exponential(np.float32(2) * value))
        )
    return lambda value: math.tanh(value)


@jit(inline="always")
def _exponential(value):  # type: ignore[no-untyped-def]
    """e**value in float32: 2**n times the Taylor series on [-ln 2 / 2, ln 2 / 2]."""
    value = min(max(value, np.float32(-87)), np.float32(88))
    # The nearest whole number: next to 1.5 * 2**23 a float32 has no bits for a fraction, and the
    # number is in the lowest bits. math.floor makes one of 64 bits, which AVX2 does one by one.
    shifted = value * np.float32(1 / math.log(2)) + np.float32(12582912)
    power = shifted - np.float32(12582912)
    # ln 2 in two parts, the first with so few bits that its product with power is exact.
    rest = value - power * np.float32(0.693359375)
    rest = rest - power * np.float32(math.log(2) - 0.693359375)
    series = np.float32(1 / 5040)
    series = series * rest + np.float32(1 / 720)
    series = series * rest + np.float32(1 / 120)
    series = series * rest + np.float32(1 / 24)
    series = series * rest + np.float32(1 / 6)
    series = series * rest + np.float32(1 / 2)
    series = series * rest + np.float32(1)
    series = series * rest + np.float32(1)
    number = np.float32(shifted).view(np.int32) + np.int32(127)
    return series * np.int32(number << np.int32(23)).view(np.float32)
