"""Products over the values that are not zero, for matrices that pruning has emptied.

The results are those of the dense product to rounding; :func:`is_sparse` says when they are faster.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numba import prange

from lottery.kernels import jit, loop
from lottery.kernels.scalars import array, sum_dtype

SPARSE = 0.008
"""Below this share of products of two values that are not zero, the others are passed over: about
91 % sparsity of both. ``make bench`` measures levels of a real pruning run on either side of it."""


def is_sparse(embeddings: torch.Tensor, weights: Sequence[torch.Tensor]) -> bool:
    """Whether few enough of the products of ``embeddings`` with ``weights`` are not zero."""
    remaining = sum(int(weight.count_nonzero()) for weight in weights)
    share = remaining / sum(weight.numel() for weight in weights)
    # The embeddings are counted only where they can decide.
    return share < 0.5 and share * int(embeddings.count_nonzero()) < SPARSE * embeddings.numel()


def linear(values: torch.Tensor, weight: torch.Tensor) -> tuple[np.ndarray, ...]:
    """``values @ weight.T`` for ``[rows, inputs]`` and ``[outputs, inputs]``, row by row: the
    number of each row's entries, their columns and their values.

    A row that many products make up is not compressed: its number of entries is -1, and its values
    are the row as it is. The sums are of :func:`lottery.kernels.scalars.sum_dtype`.
    """
    dtype = sum_dtype(values)
    values, weight = values.to(dtype), weight.to(dtype)
    # One column more: a product's column is written before it turns out whether it is a new one.
    shape = (len(values), len(weight) + 1)
    counts = np.empty(len(values), np.int64)
    columns = np.empty(shape, np.int32)
    entries = np.empty(shape, array(values).dtype)
    _product(array(values), *compressed(array(weight.T.contiguous())), counts, columns, entries)
    return counts, columns, entries


@loop
def _product(  # type: ignore[no-untyped-def]
    values, starts, weight_columns, weight_entries, counts, columns, entries
):
    """Multiply what is not zero, and write :func:`linear`'s three arrays. The weight is compressed
    by input: ``starts``, then the outputs (``weight_columns``) and the weights of each."""
    size = 64
    for part in prange((len(values) + size - 1) // size):
        sums = np.zeros(entries.shape[1], entries.dtype)
        seen = np.zeros(entries.shape[1], np.bool_)
        for row in range(part * size, min((part + 1) * size, len(values))):
            inputs, row_columns, out = values[row], columns[row], entries[row]
            products = 0
            for number in range(inputs.size):
                products += (inputs[number] != 0) * (starts[number + 1] - starts[number])
            counts[row] = -1
            if 8 * products > sums.size:
                _product_row(inputs, starts, weight_columns, weight_entries, out)
                continue
            count = np.uintp(0)
            for number in range(np.uintp(inputs.size)):
                factor = inputs[number]
                if factor != 0:
                    for entry in range(
                        np.uintp(starts[number]), np.uintp(starts[number + np.uintp(1)])
                    ):
                        column = np.uintp(weight_columns[entry])
                        sums[column] += factor * weight_entries[entry]
                        # Written again and again until the next one that is new.
                        row_columns[count] = np.int32(column)
                        count += np.uintp(not seen[column])
                        seen[column] = True
            for entry in range(count):
                column = np.uintp(row_columns[entry])
                out[entry] = sums[column]
                sums[column] = 0
                seen[column] = False
            counts[row] = count


@jit(inline="always")
def _product_row(inputs, starts, weight_columns, weight_entries, out):  # type: ignore[no-untyped-def]
    """Write one row of the product as it is, with its zeros."""
    out[:] = 0
    for number in range(inputs.size):
        factor = inputs[number]
        if factor != 0:
            for entry in range(starts[number], starts[number + 1]):
                out[weight_columns[entry]] += factor * weight_entries[entry]


@jit
def compressed(matrix):  # type: ignore[no-untyped-def]
    """The entries of ``matrix`` that are not zero, row by row: int64 ``[rows + 1]``, where each
    row's entries start, then the columns (int32) and the values of all."""
    starts = np.zeros(len(matrix) + 1, np.int64)
    columns = np.empty(matrix.size, np.int32)
    values = np.empty(matrix.size, matrix.dtype)
    count = 0
    for row in range(len(matrix)):
        row_values = matrix[row]
        for column in range(row_values.size):
            columns[count] = column
            values[count] = row_values[column]
            count += row_values[column] != 0
        starts[row + 1] = count
    return starts, columns[:count], values[:count]
