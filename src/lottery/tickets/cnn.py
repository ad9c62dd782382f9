"""The CNN of a ticket: logits from tokens, in NumPy for a few documents, compiled for many."""

import numpy as np

from lottery.tickets.architectures import CNN
from lottery.tickets.format import Contents
from lottery.tickets.header import EMBEDDING
from lottery.tickets.word_table import WordTable


class CNNNetwork:
    """The convolutions and the maximum over time of :mod:`lottery.models.cnn`.

    A window's value is a sum over its tokens, so a word's products with all filters at each of
    their offsets are computed once (:mod:`lottery.tickets.word_table`).
    """

    def __init__(self, contents: Contents) -> None:
        model = contents.header.model
        assert isinstance(model, CNN)
        self.model = model
        blocks = []
        for width, count in zip(model.widths, model.filters, strict=True):
            weight = contents.matrices[f"conv{width}_weight"].dense()
            by_offset = weight.reshape(count, width, model.dim).transpose(2, 1, 0)
            blocks.append(by_offset.reshape(model.dim, width * count))
        self.table = WordTable(contents.matrices[EMBEDDING], np.concatenate(blocks, 1))
        self.bias = np.concatenate(
            [contents.vectors[f"conv{width}_bias"] for width in model.widths]
        )

    def features(self, ids: np.ndarray, offsets: np.ndarray, compiled: bool) -> np.ndarray:
        """What the output layer reads, float32 ``[documents, features]``.

        ``ids`` int32 ``[tokens]`` are all documents' words, document n from ``offsets[n]`` (int64)
        to ``offsets[n + 1]``.
        """
        if compiled:
            from lottery.tickets import kernels

            rows, slots = self.table.looked_up(ids)
            maxima = np.empty((len(offsets) - 1, self.model.features), np.float32)
            sizes = np.array([self.model.widths, self.model.filters], np.int64)
            kernels.maxima(rows, slots, offsets, sizes, maxima)
        else:
            rows, slots = self.table.products(ids)
            pairs = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
            documents = [self.window_sums(rows[slots[start:end]]) for start, end in pairs]
            maxima = np.stack(
                [np.concatenate([sums.max(0) for sums in windows]) for windows in documents]
            )
        return np.maximum(maxima + self.bias, 0)

    def window_sums(self, products: np.ndarray) -> list[np.ndarray]:
        """For each width every filter's value at every window of a document, without bias.

        ``products`` are float32 ``[tokens, columns]``. A document shorter than the widest filter is
        continued with zeros to its width.
        """
        missing = max(0, max(self.model.widths) - len(products))
        products = np.pad(products, ((0, missing), (0, 0)))
        result, first = [], 0
        for width, count in zip(self.model.widths, self.model.filters, strict=True):
            windows = len(products) - width + 1
            sums = np.zeros((windows, count), np.float32)
            for offset in range(width):
                sums += products[offset : offset + windows, first : first + count]
                first += count
            result.append(sums)
        return result
