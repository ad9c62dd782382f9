"""How much a pass over documents computes at least, and how much a GPU reads for it."""

import numpy as np
import torch

from benchmarks.cells import BATCH, Cell, choose, texts
from lottery.training.batches import Documents

HIDDEN, LAYERS, DIM, FILTERS = 256, 2, 100, 100
"""The study's sizes."""
WIDTHS = (3, 4, 5)


def batches(train_set: Documents) -> list[np.ndarray]:
    """Batches of similar lengths."""
    ranked = np.argsort(train_set.lengths, kind="stable")
    return [ranked[start : start + BATCH] for start in range(0, len(ranked), BATCH)]


def operations(cell: Cell, train_set: Documents) -> float:
    """Floating-point operations that the library's method needs for one network.

    LSTM: a multiply and an add per weight and token, forward, and twice backward. CNN: the product
    of each batch's distinct words with all filters, a window's sums, and the gradients of those
    windows that are the maximum.
    """
    total = 0.0
    for batch in batches(train_set):
        tokens = int(train_set.lengths[batch].sum())
        if cell.model == "lstm":
            weights = sum(2 * 4 * HIDDEN * (inputs + HIDDEN) for inputs in (DIM, 2 * HIDDEN))
            total += 3 * 2 * weights * tokens
            continue
        columns = FILTERS * sum(WIDTHS)
        distinct = len(torch.cat(texts(choose(train_set, batch))).unique())
        total += 2 * distinct * DIM * columns + tokens * columns
        total += 0.5 * 2 * 2 * BATCH * columns * DIM  # dropout takes half of the maxima
    return total


def streamed_bytes(train_set: Documents, tile: int, number_bytes: int) -> float:
    """What the LSTM's kernels read of the recurrent weights for one network: all of a direction's
    at each time step of each ``tile`` documents, forward and backward."""
    weights = 4 * HIDDEN * HIDDEN * number_bytes
    steps = 0
    for batch in batches(train_set):
        lengths = train_set.lengths[batch]
        steps += sum(
            int(lengths[start : start + tile].max()) for start in range(0, len(lengths), tile)
        )
    return 2.0 * 2 * LAYERS * weights * steps
