"""Convolutions over words and their maximum over time, without computing a convolution.

A window's value is a sum over its words, each by its place in the window. So one product of the
batch's *distinct* words with all filters gives a table, and a window is a few of its rows added up.
Only the winning window of a filter has a gradient: one position of a few hundred. From about 90 %
sparsity on the table is made from the values that are not zero only, and words that are pruned
altogether are passed over; the results are the same to rounding.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numba import get_num_threads, prange

from lottery.kernels import jit, loop, products, survivors
from lottery.kernels.scalars import array


def maxima(
    words: torch.Tensor,
    places: torch.Tensor,
    lengths: torch.Tensor,
    weights: Sequence[torch.Tensor],
) -> torch.Tensor:
    """Each filter's largest value over a document's windows, ``[documents, filters]``, no bias.

    ``words`` ``[distinct, dim]`` are the batch's distinct words, ``places`` int64 ``[documents,
    longest]`` the row of each word of a document, ``lengths`` int64 ``[documents]``. ``weights``
    are ``[filters, width, dim]``, one a width; the result has their filters one after the other. A
    document shorter than the widest filter is continued with zeros to its width. The first of equal
    windows wins. float64 or float32; bfloat16 words and weights are multiplied as such, and summed
    in float32.
    """
    found: torch.Tensor = _Maxima.apply(words, places, lengths, *weights)
    return found


class _Maxima(torch.autograd.Function):
    @staticmethod
    def forward(ctx, words, places, lengths, *weights):  # type: ignore[no-untyped-def]
        # [width, filters, dim]: the filters of one place in a window lie side by side.
        turned = [weight.transpose(0, 1).contiguous() for weight in weights]
        lengths = lengths.clamp(max=places.shape[1])
        padded = lengths.clamp(min=max(map(len, turned)))
        use = survivors.is_sparse(words, turned)
        found, winners = [], []
        for weight in turned:
            shape = (len(places), weight.shape[1])
            found.append(torch.empty(shape, dtype=survivors.wide(words)))
            winners.append(torch.empty(shape, dtype=torch.int32))
            given = (places, lengths, padded, found[-1], winners[-1])
            arrays = [array(tensor) for tensor in given]
            if use:
                _forward_sparse(len(weight), *survivors.table(words, weight.flatten(0, 1)), *arrays)
            else:
                table = products.linear(words, weight.flatten(0, 1)).to(survivors.wide(words))
                _forward(len(weight), array(table), *arrays)
        ctx.save_for_backward(words, places, lengths, *turned, *winners)
        return torch.cat(found, 1)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        words, places, lengths, *rest = ctx.saved_tensors
        turned, winners = rest[: len(rest) // 2], rest[len(rest) // 2 :]
        dtype = gradient.dtype
        words = words.to(dtype)
        of_words = torch.zeros_like(words)
        of_weights = []
        slopes = gradient.split([weight.shape[1] for weight in turned], 1)
        for slope, winner, weight in zip(slopes, winners, turned, strict=True):
            own = weight.to(dtype)
            of_weight = torch.zeros_like(own)
            given = [array(part) for part in (slope.contiguous(), winner, places, lengths)]
            _backward_words(*given, array(own), get_num_threads(), array(of_words))
            _backward_weight(*given, array(words), array(of_weight))
            of_weights.append(of_weight.transpose(0, 1))
        return of_words, None, None, *of_weights


# A document is gone through once, and each word's row of the table is added to the windows that the
# word stands in. The open windows lie in ``sums`` in the order of a row's parts, the youngest
# first, so that a row is added in one go; for each new word that place moves one part down (_next),
# and now and then back up. Numbers are unsigned all through: of signed ones Numba asks at each
# place whether they are negative.

_ROOM = np.uintp(32)


@loop
def _forward(width, table, places, lengths, padded, found, winners):  # type: ignore[no-untyped-def]
    count = np.uintp(found.shape[1])
    held = np.uintp(width) * count
    for document in prange(len(places)):
        best, winner = found[document], winners[document]
        best[:] = -np.inf
        winner[:] = 0
        sums = np.zeros(_ROOM * count + held, found.dtype)
        first = _ROOM * count
        for position in range(padded[document]):
            first = _next(first, sums, count, held)
            if position < lengths[document]:
                row = table[places[document, position]]
                for number in range(count):
                    sums[first + number] = row[number]
                for number in range(count, held):
                    sums[first + number] += row[number]
            else:
                for number in range(count):
                    sums[first + number] = 0
            _keep_larger(position - width + 1, sums, first + held - count, best, winner)


@loop
def _forward_sparse(  # type: ignore[no-untyped-def]
    width, counts, columns, values, places, lengths, padded, found, winners
):
    count = np.uintp(found.shape[1])
    held = np.uintp(width) * count
    for document in prange(len(places)):
        best, winner = found[document], winners[document]
        best[:] = -np.inf
        winner[:] = 0
        sums = np.zeros(_ROOM * count + held, found.dtype)
        first = _ROOM * count
        for position in range(padded[document]):
            first = _next(first, sums, count, held)
            for number in range(count):
                sums[first + number] = 0
            if position < lengths[document]:
                word = places[document, position]
                where, row = columns[word], values[word]
                if counts[word] < 0:
                    for number in range(held):
                        sums[first + number] += row[number]
                for entry in range(np.uintp(max(counts[word], 0))):
                    sums[first + np.uintp(where[entry])] += row[entry]
            _keep_larger(position - width + 1, sums, first + held - count, best, winner)


@jit(inline="always")
def _next(first, sums, count, held):  # type: ignore[no-untyped-def]
    """The place of the next word's youngest window."""
    if first != np.uintp(0):
        return first - count
    start = _ROOM * count
    for number in range(held - count):
        sums[start + count + number] = sums[number]
    return start


@jit(inline="always")
def _keep_larger(start, sums, oldest, best, winner):  # type: ignore[no-untyped-def]
    """Compare the window that is now complete, if it lies in the document, with the best ones."""
    if start >= 0:
        place = np.int32(start)
        for number in range(np.uintp(best.size)):
            better = sums[oldest + number] > best[number]
            best[number] = sums[oldest + number] if better else best[number]
            winner[number] = place if better else winner[number]


@loop
def _backward_words(slopes, winners, places, lengths, weight, parts, found):  # type: ignore[no-untyped-def]
    """Add up the words' gradients; each part has some of the dimensions to itself, so that the
    order of a sum does not depend on the parts."""
    dim = found.shape[1]
    for part in prange(parts):
        first, last = part * dim // parts, (part + 1) * dim // parts
        for document in range(len(places)):
            for number in range(slopes.shape[1]):
                slope = slopes[document, number]
                if slope == 0:
                    continue
                start = winners[document, number]
                for offset in range(min(len(weight), lengths[document] - start)):
                    out = found[places[document, start + offset], first:last]
                    row = weight[offset, number, first:last]
                    for place in range(out.size):
                        out[place] += slope * row[place]


@loop
def _backward_weight(slopes, winners, places, lengths, words, found):  # type: ignore[no-untyped-def]
    for number in prange(slopes.shape[1]):
        for document in range(len(places)):
            slope = slopes[document, number]
            if slope == 0:
                continue
            start = winners[document, number]
            for offset in range(min(len(found), lengths[document] - start)):
                out = found[offset, number]
                row = words[places[document, start + offset]]
                for place in range(out.size):
                    out[place] += slope * row[place]
