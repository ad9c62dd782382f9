"""The rows of the embedding that a batch reads: each token id of the batch once."""

import numpy as np
import torch

from lottery.kernels import jit
from lottery.kernels.scalars import array


def distinct(tokens: torch.Tensor, scratch: np.ndarray) -> tuple[np.ndarray, torch.Tensor]:
    """The different ids among ``tokens`` (int64 ``[documents, longest]``), in order of their first
    occurrence, and for each token the index of its id among them.

    ``scratch`` is int64 ``[rows]``, -1 before and after.
    """
    indices = torch.empty_like(tokens)
    return _distinct(array(tokens), scratch, array(indices)), indices


@jit
def _distinct(tokens, scratch, indices):  # type: ignore[no-untyped-def]
    ids = np.empty(min(tokens.size, scratch.size), np.int64)
    count = 0
    for document in range(len(tokens)):
        for position in range(tokens.shape[1]):
            token = tokens[document, position]
            if scratch[token] < 0:
                scratch[token] = count
                ids[count] = token
                count += 1
            indices[document, position] = scratch[token]
    for number in range(count):
        scratch[ids[number]] = -1
    return ids[:count]
