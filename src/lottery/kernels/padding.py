"""Documents side by side as a rectangle of token ids."""

import numpy as np

from lottery.kernels import jit


def padded(
    ids: np.ndarray, starts: np.ndarray, sizes: np.ndarray, longest: int, pad: int
) -> np.ndarray:
    """int64 ``[documents, longest]``: each document's ``sizes`` ids from ``starts`` on (int64
    ``[documents]`` both) among ``ids`` (int32), then ``pad``."""
    tokens = np.full((len(starts), longest), pad)
    _fill(ids, starts, sizes, tokens)
    return tokens


@jit
def _fill(ids, starts, sizes, tokens):  # type: ignore[no-untyped-def]
    for document in range(len(starts)):
        row, start = tokens[document], starts[document]
        for position in range(sizes[document]):
            row[position] = ids[start + position]
