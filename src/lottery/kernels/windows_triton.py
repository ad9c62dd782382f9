"""Which window of a document wins, for many filters of many networks on a GPU: a Triton kernel.

The windows' sums are never written anywhere. A program takes one document and some filters of one
network: it adds the rows of a table that a window's tokens stand for, sixteen windows at a time,
and writes only where the largest sum begins.
"""

import torch
import triton
import triton.language as tl

_WINDOWS, _FILTERS = 16, 64
"""How many windows a program adds up at a time, and of how many filters."""


def window_argmax(
    table: torch.Tensor, indices: torch.Tensor, lengths: torch.Tensor, width: int
) -> torch.Tensor:
    """Where the windows of ``width`` tokens with the largest sums begin, int64 ``[networks,
    documents, filters]``.

    ``table`` is ``[networks, rows, width, filters]``: what a row's token adds to a window at each
    offset. ``indices`` int64 ``[networks, documents, longest]`` are the tokens' rows, ``lengths``
    int64 ``[networks, documents]`` at least ``width``. The first of equal windows wins, and NaN
    wins over all numbers.
    """
    networks, documents, longest = indices.shape
    rows, filters = table.shape[1], table.shape[3]
    starts = torch.empty(networks, documents, filters, dtype=torch.int32, device=table.device)
    with torch.cuda.device_of(table):
        _window_argmax[(networks * documents, triton.cdiv(filters, _FILTERS))](
            table.contiguous(), indices.int().contiguous(), lengths.int().contiguous(), starts,
            documents, rows, longest, filters, width, _WINDOWS, _FILTERS,
        )  # fmt: skip
    return starts.long()


@triton.jit
def _window_argmax(  # type: ignore[no-untyped-def]
    table,
    indices,
    lengths,
    starts,
    documents,
    rows,
    longest,
    filters,
    WIDTH: tl.constexpr,
    WINDOWS: tl.constexpr,
    FILTERS: tl.constexpr,
):
    document = tl.program_id(0)
    number = tl.program_id(1) * FILTERS + tl.arange(0, FILTERS)
    exists = (number < filters)[None, :]
    tokens = indices + document * longest
    first_row = (document // documents).to(tl.int64) * rows
    count = tl.load(lengths + document) - WIDTH + 1
    lane = tl.arange(0, WINDOWS)
    # Of each lane, which takes every sixteenth window.
    best = tl.full([WINDOWS, FILTERS], float("-inf"), tl.float32)
    winner = tl.zeros([WINDOWS, FILTERS], tl.int32) + lane[:, None]
    for first in range(0, count, WINDOWS):
        start = first + lane
        inside = start < count
        sums = tl.zeros([WINDOWS, FILTERS], tl.float32)
        for offset in tl.static_range(WIDTH):
            index = tl.load(tokens + start + offset, mask=inside, other=0)
            row = ((first_row + index) * WIDTH + offset) * filters
            read = inside[:, None] & exists
            sums += tl.load(table + row[:, None] + number[None, :], mask=read, other=0).to(
                tl.float32
            )
        sums = tl.where(inside[:, None], sums, float("-inf"))
        # Larger, or NaN, unless the best is NaN already.
        better = ((sums > best) | (sums != sums)) & (best == best)
        best = tl.where(better, sums, best)
        winner = tl.where(better, start[:, None], winner)
    missing = best != best
    top = tl.max(tl.where(missing, float("-inf"), best), 0)
    any_missing = tl.max(missing.to(tl.int32), 0) > 0
    chosen = tl.where(any_missing[None, :], missing, best == top[None, :])
    earliest = tl.min(tl.where(chosen, winner, longest), 0)
    tl.store(starts + document * filters + number, earliest, mask=number < filters)
