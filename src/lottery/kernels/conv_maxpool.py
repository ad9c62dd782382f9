"""Convolutions over tokens and their maximum over time, without computing a convolution.

A window's value is a sum over its tokens, each by its offset in the window. So one product of the
batch's *distinct* embeddings with all filters gives a table, and a window is a few of its rows
added up. Only the winning window of a filter has a gradient: one position of a few hundred. From
about 90 % sparsity on, the table is made from the values that are not zero only, and embeddings
that are pruned altogether are passed over; the results are the same to rounding.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numba import get_num_threads, prange

from lottery.kernels import jit, loop, matmul, sparse_matmul
from lottery.kernels.scalars import array, sum_dtype


def conv_maxpool(
    embeddings: torch.Tensor,
    indices: torch.Tensor,
    lengths: torch.Tensor,
    weights: Sequence[torch.Tensor],
) -> torch.Tensor:
    """Each filter's largest value over a document's windows, ``[documents, filters]``, no bias.

    ``embeddings`` ``[distinct, dim]`` are the rows of the embedding that the batch reads,
    ``indices`` int64 ``[documents, longest]`` each token's row among them, ``lengths`` int64
    ``[documents]``. ``weights`` are ``[filters, width, dim]``, one per width; the result has their
    filters one after the other. A document shorter than the widest filter is continued with zeros
    to its width. The first of equal windows wins, and NaN wins over all numbers, as in PyTorch.
    float64 or float32; bfloat16 embeddings and weights are multiplied as such, and summed in
    float32.
    """
    maxima: torch.Tensor = _ConvMaxpool.apply(embeddings, indices, lengths, *weights)
    return maxima


class _ConvMaxpool(torch.autograd.Function):
    @staticmethod
    def forward(ctx, embeddings, indices, lengths, *weights):  # type: ignore[no-untyped-def]
        # [width, filters, dim]: the filters of one offset in a window lie side by side.
        by_offset = [weight.transpose(0, 1).contiguous() for weight in weights]
        lengths = lengths.clamp(max=indices.shape[1])
        padded_lengths = lengths.clamp(min=max(map(len, by_offset)))
        # A number that is not finite times zero is NaN: then no product may be passed over.
        sparse = sparse_matmul.is_sparse(embeddings, by_offset) and _finite(embeddings, *by_offset)
        dtype = sum_dtype(embeddings)
        maxima, winners = [], []
        for weight in by_offset:
            shape = (len(indices), weight.shape[1])
            maxima.append(torch.empty(shape, dtype=dtype))
            winners.append(torch.empty(shape, dtype=torch.int32))
            tensors = (indices, lengths, padded_lengths, maxima[-1], winners[-1])
            arrays = [array(tensor) for tensor in tensors]
            if sparse:
                entries = sparse_matmul.linear(embeddings, weight.flatten(0, 1))
                _forward_sparse(len(weight), *entries, *arrays)
            else:
                table = matmul.linear(embeddings, weight.flatten(0, 1)).to(dtype)
                _forward(len(weight), array(table), *arrays)
        ctx.save_for_backward(embeddings, indices, lengths, *by_offset, *winners)
        if bool((lengths < padded_lengths).any()):  # the zeros there are not read
            for weight, values in zip(by_offset, maxima, strict=True):
                values.masked_fill_(weight.isnan().any(2).any(0), torch.nan)
        return torch.cat(maxima, 1)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        embeddings, indices, lengths, *rest = ctx.saved_tensors
        weights, winners = rest[: len(rest) // 2], rest[len(rest) // 2 :]
        dtype = gradient.dtype
        embeddings = embeddings.to(dtype)
        embeddings_gradient = torch.zeros_like(embeddings)
        weight_gradients = []
        slopes = gradient.split([weight.shape[1] for weight in weights], 1)
        for slope, winner, weight in zip(slopes, winners, weights, strict=True):
            weight = weight.to(dtype)
            weight_gradient = torch.zeros_like(weight)
            tensors = (slope.contiguous(), winner, indices, lengths)
            arrays = [array(tensor) for tensor in tensors]
            _backward_embeddings(
                *arrays, array(weight), get_num_threads(), array(embeddings_gradient)
            )
            _backward_weight(*arrays, array(embeddings), array(weight_gradient))
            weight_gradients.append(weight_gradient.transpose(0, 1))
        return embeddings_gradient, None, None, *weight_gradients


def _finite(*tensors: torch.Tensor) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in tensors)


# A document is read once, and each token's row of the table is added to the windows that the token
# lies in. The open windows lie in ``sums`` in the order of a row's parts, the youngest first, so
# that a row is added in one go. For each new token the windows begin one part further down, and
# when they have come to the bottom they are copied back to the top (_next_first). Numbers are
# unsigned all through: of signed ones Numba checks at each index whether they are negative.

_ROOM = np.uintp(32)
"""Tokens that are read before the open windows are copied back to the top."""


@loop
def _forward(  # type: ignore[no-untyped-def]
    width, table, indices, lengths, padded_lengths, maxima, winners
):
    filters = np.uintp(maxima.shape[1])
    row_size = np.uintp(width) * filters
    for document in prange(len(indices)):
        best, winner = maxima[document], winners[document]
        best[:] = -np.inf
        winner[:] = 0
        sums = np.zeros(_ROOM * filters + row_size, maxima.dtype)
        first = _ROOM * filters
        for position in range(padded_lengths[document]):
            first = _next_first(first, sums, filters, row_size)
            if position < lengths[document]:
                row = table[indices[document, position]]
                for column in range(filters):
                    sums[first + column] = row[column]
                for column in range(filters, row_size):
                    sums[first + column] += row[column]
            else:
                for column in range(filters):
                    sums[first + column] = 0
            _keep_larger(position - width + 1, sums, first + row_size - filters, best, winner)


@loop
def _forward_sparse(  # type: ignore[no-untyped-def]
    width, counts, columns, values, indices, lengths, padded_lengths, maxima, winners
):
    filters = np.uintp(maxima.shape[1])
    row_size = np.uintp(width) * filters
    for document in prange(len(indices)):
        best, winner = maxima[document], winners[document]
        best[:] = -np.inf
        winner[:] = 0
        sums = np.zeros(_ROOM * filters + row_size, maxima.dtype)
        first = _ROOM * filters
        for position in range(padded_lengths[document]):
            first = _next_first(first, sums, filters, row_size)
            for column in range(filters):
                sums[first + column] = 0
            if position < lengths[document]:
                index = indices[document, position]
                row_columns, row = columns[index], values[index]
                if counts[index] < 0:
                    for column in range(row_size):
                        sums[first + column] += row[column]
                for entry in range(np.uintp(max(counts[index], 0))):
                    sums[first + np.uintp(row_columns[entry])] += row[entry]
            _keep_larger(position - width + 1, sums, first + row_size - filters, best, winner)


@jit(inline="always")
def _next_first(first, sums, filters, row_size):  # type: ignore[no-untyped-def]
    """Where in ``sums`` the youngest window begins when the next token is read."""
    if first != np.uintp(0):
        return first - filters
    top = _ROOM * filters
    for column in range(row_size - filters):
        sums[top + filters + column] = sums[column]
    return top


@jit(inline="always")
def _keep_larger(start, sums, oldest, best, winner):  # type: ignore[no-untyped-def]
    """Compare the window that is now complete, if it lies in the document, with the best ones."""
    if start >= 0:
        window = np.int32(start)
        for number in range(np.uintp(best.size)):
            # Larger, or NaN, unless the best is NaN already.
            better = (not sums[oldest + number] <= best[number]) & (best[number] == best[number])
            best[number] = sums[oldest + number] if better else best[number]
            winner[number] = window if better else winner[number]


@loop
def _backward_embeddings(  # type: ignore[no-untyped-def]
    slopes, winners, indices, lengths, weight, parts, gradient
):
    """Add up the embeddings' gradients. Each part adds its range of dimensions for all tokens, so
    that the order of a sum does not depend on the number of parts."""
    dim = gradient.shape[1]
    for part in prange(parts):
        first, last = part * dim // parts, (part + 1) * dim // parts
        for document in range(len(indices)):
            for number in range(slopes.shape[1]):
                slope = slopes[document, number]
                if slope == 0:
                    continue
                start = winners[document, number]
                for offset in range(min(len(weight), lengths[document] - start)):
                    out = gradient[indices[document, start + offset], first:last]
                    row = weight[offset, number, first:last]
                    for dimension in range(out.size):
                        out[dimension] += slope * row[dimension]


@loop
def _backward_weight(  # type: ignore[no-untyped-def]
    slopes, winners, indices, lengths, embeddings, gradient
):
    for number in prange(slopes.shape[1]):
        for document in range(len(indices)):
            slope = slopes[document, number]
            if slope == 0:
                continue
            start = winners[document, number]
            for offset in range(min(len(gradient), lengths[document] - start)):
                out = gradient[offset, number]
                row = embeddings[indices[document, start + offset]]
                for dimension in range(out.size):
                    out[dimension] += slope * row[dimension]
