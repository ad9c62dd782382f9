"""The runtime's loops over words and windows, compiled by Numba once per machine, without PyTorch.

One thread; a document's result does not depend on the others.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np


def jit(function: Callable[..., Any]) -> Any:
    """``function`` compiled, and saved on disk where there is a folder for it."""
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",  # no check for a division by zero
        "fastmath": {"contract", "nsz"},  # a*b+c in one rounding; nothing else is reordered
    }
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's can be written to
        return numba.njit(**options)(function)


@jit
def look_up(  # type: ignore[no-untyped-def]
    ids, starts, columns, values, projection, slot_of, rows, used, slots
):
    """Write each id's row number into ``slots``; compute the rows of ids that have none.

    Returns how many rows are used, or -1 if there is no room for all.
    """
    size = np.uintp(rows.shape[1])
    for position in range(len(ids)):
        word = ids[position]
        slot = slot_of[word]
        if slot < 0:
            if used == len(rows):
                return -1
            slot, used = used, used + 1
            slot_of[word] = slot
            row = rows[slot]
            row[:] = 0
            for entry in range(starts[word], starts[word + 1]):
                value, factors = values[entry], projection[columns[entry]]
                for column in range(size):
                    row[column] += value * factors[column]
        slots[position] = slot
    return used


@jit
def maxima(rows, slots, offsets, sizes, result):  # type: ignore[no-untyped-def]
    """Each filter's largest sum over a document's windows, float32 ``[documents, features]``.

    ``sizes`` int64 ``[2, widths]`` has each width and how many filters are that wide. A document
    shorter than the widest is continued with zeros to its width.
    """
    table, size, widest = rows.reshape(-1), rows.shape[1], sizes[0].max()
    sums = np.empty(sizes[1].max(), rows.dtype)
    bests = result.reshape(-1)
    for document in range(len(result)):
        first, end = offsets[document], offsets[document + 1]
        column, feature = 0, document * result.shape[1]
        for number in range(sizes.shape[1]):
            width, count = sizes[0, number], np.uintp(sizes[1, number])
            for index in range(count):
                bests[feature + index] = -np.inf
            for start in range(first, max(end, first + widest) - width + 1):
                tokens = min(start + width, end) - start
                if width == tokens and 3 <= width <= 5:
                    _compare_in_one_go(
                        table, slots, size, start, column, width, count, bests, feature
                    )
                else:
                    _compare(table, slots, size, start, column, tokens, count, sums, bests, feature)
            column += sizes[0, number] * sizes[1, number]
            feature += sizes[1, number]


@jit
def _compare(  # type: ignore[no-untyped-def]
    table, slots, size, start, column, tokens, count, sums, bests, feature
):
    """Write to ``bests`` what is larger in the window of ``tokens`` that begins at ``start``."""
    for index in range(count):
        sums[index] = 0
    for offset in range(tokens):
        base = np.uintp(slots[start + offset] * size + column) + np.uintp(offset) * count
        for index in range(count):
            sums[index] += table[base + index]
    base = np.uintp(feature)
    for index in range(count):
        value = sums[index]
        bests[base + index] = value if value > bests[base + index] else bests[base + index]


@jit
def _compare_in_one_go(  # type: ignore[no-untyped-def]
    table, slots, size, start, column, width, count, bests, feature
):
    """The same for three to five tokens: no sum is written to memory."""
    best = np.uintp(feature)
    one = np.uintp(slots[start] * size + column)
    two = np.uintp(slots[start + 1] * size + column) + count
    three = np.uintp(slots[start + 2] * size + column) + np.uintp(2) * count
    if width == 3:
        for index in range(count):
            value = table[one + index] + table[two + index] + table[three + index]
            bests[best + index] = value if value > bests[best + index] else bests[best + index]
        return
    four = np.uintp(slots[start + 3] * size + column) + np.uintp(3) * count
    if width == 4:
        for index in range(count):
            value = table[one + index] + table[two + index]
            value += table[three + index] + table[four + index]
            bests[best + index] = value if value > bests[best + index] else bests[best + index]
        return
    five = np.uintp(slots[start + 4] * size + column) + np.uintp(4) * count
    for index in range(count):
        value = table[one + index] + table[two + index]
        value += table[three + index] + table[four + index] + table[five + index]
        bests[best + index] = value if value > bests[best + index] else bests[best + index]
