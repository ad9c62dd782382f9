"""A ticket in memory, which classifies text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lottery import metrics
from lottery.errors import LotteryError
from lottery.tickets import format, tokenizers
from lottery.tickets.architectures import CNN
from lottery.tickets.cnn import CNNNetwork
from lottery.tickets.format import Contents
from lottery.tickets.lstm import LSTMNetwork

UNK = 0
"""The id of a word that is not in the vocabulary, or has no embedding."""
COMPILE_AFTER = 20_000
"""Tokens that NumPy computes before Numba is imported, which takes as long as they do."""
BATCH = 16_384
"""Tokens that are computed at once; a longer document is a batch by itself."""


@dataclass(frozen=True)
class Prediction:
    """The most probable class of a text."""

    label: str
    probability: float


class Ticket:
    """A pruned network with its words. ``compiled`` says whether Numba computes: True or False, or
    None for as soon as there is enough to do."""

    def __init__(self, contents: Contents, compiled: bool | None = None) -> None:
        self.contents, self.header = contents, contents.header
        self._compiled, self._tokens = compiled, 0
        self._words = tokenizers.load(self.header.tokenizer)
        self._ids = {word: number for number, word in enumerate(contents.words, start=1)}
        is_cnn = isinstance(self.header.model, CNN)
        self.network = CNNNetwork(contents) if is_cnn else LSTMNetwork(contents)
        self._output = contents.matrices["output_weight"].dense()
        self._output_bias = contents.vectors["output_bias"]

    @classmethod
    def load(cls, path: str | Path, compiled: bool | None = None) -> Ticket:
        """The ticket in a file. Raises LotteryError, in one line, if it is missing or damaged."""
        return cls(format.read(Path(path)), compiled)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.header.classes

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """The label and its probability for each text."""
        probabilities = self.probabilities(texts)
        best = probabilities.argmax(1).tolist()
        largest = probabilities.max(1).tolist()
        return [
            Prediction(self.classes[number], probability)
            for number, probability in zip(best, largest, strict=True)
        ]

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """The probability of each class, float64 ``[texts, classes]``."""
        return metrics.probabilities(self.logits(texts))

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """The network's outputs, float32 ``[texts, outputs]``; two classes have one output."""
        return self.logits_of_words([self.words(text) for text in texts])

    def words(self, text: str) -> list[str]:
        """The words of a text that the network reads."""
        return self._words(unicodedata.normalize("NFC", text))[: self.header.max_tokens]

    def logits_of_words(self, documents: Sequence[Sequence[str]]) -> np.ndarray:
        """As :meth:`logits`, of texts that are words already."""
        return self.logits_of_ids([self.ids(words) for words in documents])

    def ids(self, words: Sequence[str]) -> list[int]:
        """The row of each word in the embedding; a document without a word is one unknown word."""
        return [self._ids.get(word, UNK) for word in words] or [UNK]

    def logits_of_ids(self, documents: Sequence[Sequence[int]]) -> np.ndarray:
        """As :meth:`logits`, of :meth:`ids`.

        Raises LotteryError if a sum is too large for a float32.
        """
        lengths = np.array([len(document) for document in documents], np.int64)
        result = np.empty((len(documents), self.header.outputs), np.float32)
        first = 0
        while first < len(documents):
            sums = np.cumsum(lengths[first:])
            count = max(1, int(np.searchsorted(sums, BATCH, side="right")))
            ids = np.concatenate(
                [np.asarray(ids, np.int32) for ids in documents[first : first + count]]
            )
            offsets = np.concatenate([[0], sums[:count]])
            result[first : first + count] = self._logits(ids, offsets)
            first += count
        return result

    def _logits(self, ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        self._tokens += len(ids)
        compiled = self._compiled
        if compiled is None:
            compiled = self._tokens > COMPILE_AFTER
        with np.errstate(over="ignore", invalid="ignore"):
            features = self.network.features(ids, offsets, compiled)
            logits: np.ndarray = features @ self._output.T + self._output_bias
        if not np.isfinite(logits).all():
            raise LotteryError("a sum of this ticket's weights is too large for a float32")
        return logits
