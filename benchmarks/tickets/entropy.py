"""How near a ticket's file is to what its mask and values need at least."""

from typing import Any

import numpy as np

from lottery.tickets import export, format
from lottery.tickets.export import Network

BITS = {"float32": 32, "float16": 16, "int8": 8}


def limit(network: Network, values: str) -> float:
    """Bytes: the entropy of each tensor's mask at its own density, and its remaining values."""
    total = 0.0
    for mask in network.masks.values():
        share = mask.mean()
        uncertain = 0 < share < 1
        entropy = -share * np.log2(share) - (1 - share) * np.log2(1 - share) if uncertain else 0.0
        total += mask.size * entropy + int(mask.sum()) * BITS[values]
    return float(total / 8)


def compare(network: Network) -> dict[str, dict[str, Any]]:
    """For each kind of values: bytes of the file, of its words, of the limit, and their ratios."""
    dense = 4 * sum(value.size for value in network.weights.values())
    rows = {}
    for values in BITS:
        contents = export.contents(network, values)
        size, words = len(format.to_bytes(contents)), format.words_bytes(contents)
        least = limit(network, values)
        rows[values] = {
            "bytes": size,
            "words_bytes": words,
            "entropy_limit_bytes": round(least),
            "times_the_limit_words_apart": round((size - words) / least, 3),
            "times_smaller_than_dense_float32": round(dense / size, 1),
        }
    return rows
