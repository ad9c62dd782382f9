"""Products over the values that are not zero, for matrices that pruning has emptied.

The results are those of the dense product to rounding; :func:`is_sparse` says when they are sooner.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numba import prange

from lottery.kernels import jit, loop
from lottery.kernels.scalars import array

SPARSE = 0.008
"""Below this share of products of two values that are not zero, the others are passed over: about
91 % sparsity of both. ``make bench`` measures a real chain's levels on either side of it."""


def is_sparse(words: torch.Tensor, weights: Sequence[torch.Tensor]) -> bool:
    """Whether few enough of the products of ``words`` with ``weights`` are not zero."""
    alive = sum(int(weight.count_nonzero()) for weight in weights)
    share = alive / sum(weight.numel() for weight in weights)
    # The words' part is counted only where it can decide.
    return share < 0.5 and share * int(words.count_nonzero()) < SPARSE * words.numel()


def table(words: torch.Tensor, weight: torch.Tensor) -> tuple[np.ndarray, ...]:
    """``words @ weight.T``, row by row either as it is (count -1), or where few products make up a
    row, as its number of entries, their columns and their values."""
    words, weight = words.to(wide(words)), weight.to(wide(words))
    shape = (len(words), len(weight) + 1)  # one more, for what is written before it is known new
    found = (
        np.empty(len(words), np.int64),
        np.empty(shape, np.int32),
        np.empty(shape, array(words).dtype),
    )
    _product(array(words), *compressed(array(weight.T.contiguous())), *found)
    return found


def wide(values: torch.Tensor) -> torch.dtype:
    """What products of ``values`` are summed in: float32 for bfloat16, else their own."""
    return torch.float32 if values.dtype == torch.bfloat16 else values.dtype


@loop
def _product(words, starts, rows, entries, counts, columns, values):  # type: ignore[no-untyped-def]
    """Over values that are not zero; the weight's come by column."""
    size = 64
    for part in prange((len(words) + size - 1) // size):
        sums = np.zeros(values.shape[1], values.dtype)
        seen = np.zeros(values.shape[1], np.bool_)
        for word in range(part * size, min((part + 1) * size, len(words))):
            own, where, out = words[word], columns[word], values[word]
            products = 0
            for place in range(own.size):
                products += (own[place] != 0) * (starts[place + 1] - starts[place])
            counts[word] = -1
            if 8 * products > sums.size:
                _add_up(own, starts, rows, entries, out)
                continue
            count = np.uintp(0)
            for place in range(np.uintp(own.size)):
                factor = own[place]
                if factor != 0:
                    for entry in range(
                        np.uintp(starts[place]), np.uintp(starts[place + np.uintp(1)])
                    ):
                        row = np.uintp(rows[entry])
                        sums[row] += factor * entries[entry]
                        # Written again and again until the next one that is new.
                        where[count] = np.int32(row)
                        count += np.uintp(not seen[row])
                        seen[row] = True
            for entry in range(count):
                row = np.uintp(where[entry])
                out[entry] = sums[row]
                sums[row] = 0
                seen[row] = False
            counts[word] = count


@jit(inline="always")
def _add_up(own, starts, rows, entries, out):  # type: ignore[no-untyped-def]
    out[:] = 0
    for place in range(own.size):
        factor = own[place]
        if factor != 0:
            for entry in range(starts[place], starts[place + 1]):
                out[rows[entry]] += factor * entries[entry]


@jit
def compressed(matrix):  # type: ignore[no-untyped-def]
    """Each row's first entry, and the entries' columns and values: those that are not zero."""
    starts = np.zeros(len(matrix) + 1, np.int64)
    where = np.empty(matrix.size, np.int32)
    values = np.empty(matrix.size, matrix.dtype)
    count = 0
    for row in range(len(matrix)):
        own = matrix[row]
        for column in range(own.size):
            where[count] = column
            values[count] = own[column]
            count += own[column] != 0
        starts[row + 1] = count
    return starts, where[:count], values[:count]
