"""Test documents that are nearly the same as a training document.

Two documents are, if the Jaccard similarity of their sets of word 4-grams is above 0.8. The pairs
are found exactly, by the prefix filter of Chaudhuri, Ganti and Kaushik (2006): of two such sets,
the rarest fifth of each has a 4-gram in common.
"""

from typing import Any

import numpy as np
import pandas as pd

from lottery.data.text.tokenized import Tokenized

WORDS = 4
"""Of an n-gram."""
MAX_TOKENS = 20_000_000
"""Of the corpus; more take gigabytes."""
MAX_PAIRS = 50_000_000
"""To look at; more take minutes."""


def count(documents: Tokenized, training: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    """How many test documents have a near-duplicate in training; ``None``, with the reason, for a
    corpus too large.

    ``training`` and ``test`` are int ``[documents]``: which of ``documents`` they are. Equal
    documents count, those of fewer than four words do not.
    """
    rows = np.concatenate([training, test])
    tokens = int(documents.lengths[rows].sum())
    if tokens > MAX_TOKENS:
        reason = f"{tokens:,} tokens, counted up to {MAX_TOKENS:,}"
        return {"test_documents": None, "not_counted": reason}
    grams, offsets = _grams(documents.take(rows))
    prefixes = _Prefixes(grams, offsets, len(training))
    if (pairs := prefixes.pairs()) > MAX_PAIRS:
        reason = f"{pairs:,} pairs to compare, at most {MAX_PAIRS:,}"
        return {"test_documents": None, "not_counted": reason}
    near = sum(prefixes.has_near_duplicate(row) for row in range(len(training), len(rows)))
    return {"test_documents": near}


def _grams(documents: Tokenized) -> tuple[np.ndarray, np.ndarray]:
    """The set of each document's n-grams, as numbers by their rank, rare ones first; and where each
    document's begin, int64 ``[documents + 1]``."""
    lengths = np.maximum(documents.lengths - (WORDS - 1), 0)
    document = np.repeat(np.arange(len(lengths)), lengths)
    begins = documents.offsets[:-1] - (np.cumsum(lengths) - lengths)
    number = _pairs(_pairs(documents.numbers, 1), 2)[begins[document] + np.arange(len(document))]
    size = int(number.max(initial=0)) + 1
    distinct = np.sort(document * size + number)
    distinct = distinct[np.diff(distinct, prepend=-1) > 0]
    document, number = np.divmod(distinct, size)
    rank = np.empty(size, np.int64)
    rank[np.bincount(number, minlength=size).argsort(kind="stable")] = np.arange(size)
    grams = np.sort(document * size + rank[number]) % size
    return grams, np.searchsorted(document, np.arange(len(lengths) + 1))


def _pairs(numbers: np.ndarray, distance: int) -> np.ndarray:
    """A number for each pair of two ``numbers`` at this distance; the same for equal pairs."""
    values = numbers.astype(np.int64)
    largest = int(values.max(initial=0)) + 1
    return pd.factorize(values[:-distance] * largest + values[distance:])[0]


class _Prefixes:
    """An index from the n-grams in the prefixes of training documents to these documents."""

    def __init__(self, grams: np.ndarray, offsets: np.ndarray, training: int) -> None:
        self._grams, self._offsets, self._training = grams, offsets, training
        self._sizes = np.diff(offsets)
        # More than four fifths of a set are in the other; so of the rarest fifth at least one is.
        lengths = self._sizes - 4 * self._sizes // 5
        document = np.repeat(np.arange(len(lengths)), lengths)
        first = np.repeat(offsets[:-1] - (np.cumsum(lengths) - lengths), lengths)
        prefix = grams[first + np.arange(len(first))]
        of_training = document < training
        order = prefix[of_training].argsort(kind="stable")
        size = int(grams.max(initial=0)) + 1
        self._documents = document[of_training][order]
        self._starts = np.searchsorted(prefix[of_training][order], np.arange(size + 1))
        self._test_prefix = prefix[~of_training]
        self._prefix_sizes = lengths
        self._marks = np.zeros(size, bool)

    def pairs(self) -> int:
        """How many pairs of a test and a training document there are to look at, at most."""
        return int((self._starts[self._test_prefix + 1] - self._starts[self._test_prefix]).sum())

    def has_near_duplicate(self, row: int) -> bool:
        """Whether the test document ``row`` has one."""
        begin, end = self._offsets[row : row + 2]
        prefix = self._grams[begin : begin + self._prefix_sizes[row]]
        pieces = [self._documents[self._starts[gram] : self._starts[gram + 1]] for gram in prefix]
        if not pieces:
            return False
        candidates = np.unique(np.concatenate(pieces))
        size = int(end - begin)
        sizes = self._sizes[candidates]
        fits = 5 * np.minimum(sizes, size) > 4 * np.maximum(sizes, size)
        self._marks[self._grams[begin:end]] = True
        near = any(self._is_near(int(candidate), size) for candidate in candidates[fits])
        self._marks[self._grams[begin:end]] = False
        return near

    def _is_near(self, candidate: int, size: int) -> bool:
        """Whether the marked n-grams, ``size`` of them, and those of ``candidate`` are alike."""
        grams = self._grams[self._offsets[candidate] : self._offsets[candidate + 1]]
        common = int(self._marks[grams].sum())
        return 5 * common > 4 * (len(grams) + size - common)
