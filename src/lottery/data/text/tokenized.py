"""Documents as words, all of them, before any is dropped and before there is a vocabulary."""

from array import array
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np

from lottery import progress
from lottery.data import corpus_table


@dataclass(frozen=True)
class Tokenized:
    """The words of documents, one document after the other, as numbers."""

    words: list[str]
    """Each distinct word, in the order of its first appearance."""
    numbers: np.ndarray
    """int32 ``[tokens]``: which of ``words`` each token is."""
    offsets: np.ndarray
    """int64 ``[documents + 1]``; a document may have no word."""

    @property
    def lengths(self) -> np.ndarray:
        """int64 ``[documents]``, in words."""
        return np.diff(self.offsets)

    def take(self, rows: np.ndarray) -> "Tokenized":
        """The documents ``rows``, int or bool ``[documents]``."""
        return self._pieces(self.offsets[:-1][rows], self.lengths[rows])

    def cut(self, limit: int | None) -> "Tokenized":
        """At most the first ``limit`` words of each document; all of them if it is None."""
        if limit is None:
            return self
        return self._pieces(self.offsets[:-1], np.minimum(self.lengths, limit))

    def _pieces(self, starts: np.ndarray, lengths: np.ndarray) -> "Tokenized":
        """As a document each, the ``lengths`` words from ``starts`` on."""
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        tokens = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        return replace(self, numbers=self.numbers[tokens], offsets=offsets)


def of(texts: Collection[str], tokenizer: Callable[[str], list[str]]) -> Tokenized:
    """The ``texts``, in Unicode's form NFC, as ``tokenizer`` splits them."""
    number_of: dict[str, int] = {}
    numbers, offsets = array("i"), [0]
    for text in progress.track(texts, "tokenize", "documents", len(texts)):
        words = tokenizer(corpus_table.canonical(text))
        numbers.extend(number_of.setdefault(word, len(number_of)) for word in words)
        offsets.append(len(numbers))
    return Tokenized(list(number_of), np.array(numbers, np.int32), np.array(offsets, np.int64))
