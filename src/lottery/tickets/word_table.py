"""What the first layer makes of each word: computed when a word first occurs, then looked up."""

import numpy as np

from lottery.tickets.compressed_rows import SparseMatrix

BUDGET = 1 << 26
"""Bytes of the looked-up rows. When they are full, they are forgotten and computed anew."""
LEAST = 256
"""Rows that are remembered, whatever their size."""


class WordTable:
    """The products of the ``embedding``'s rows with ``projection``, float32 ``[dim, columns]``."""

    def __init__(self, embedding: SparseMatrix, projection: np.ndarray) -> None:
        self.embedding, self.projection = embedding, np.ascontiguousarray(projection)
        words, row_bytes = embedding.shape[0], 4 * max(1, projection.shape[1])
        capacity = min(words, max(LEAST, BUDGET // row_bytes))
        # The system gives memory when it is first written to: a row that is not used takes none.
        self._rows = np.empty((capacity, projection.shape[1]), np.float32)
        self._slots = np.full(words, -1, np.int32)
        self._used = 0

    def products(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The products of the distinct words of ``ids``, and the row of each id among them."""
        distinct, slots = np.unique(ids, return_inverse=True)
        return self.embedding.rows(distinct) @ self.projection, slots

    def looked_up(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`products`, compiled, and with what earlier calls computed."""
        from lottery.tickets import kernels

        slots = np.empty(len(ids), np.int32)
        matrix = self.embedding
        entries = matrix.starts, matrix.columns, matrix.values
        while True:
            self._used = kernels.look_up(
                ids, *entries, self.projection, self._slots, self._rows, self._used, slots
            )
            if self._used >= 0:
                return self._rows, slots
            self._slots[:] = -1
            self._used = 0
            distinct = len(np.unique(ids))
            if distinct > len(self._rows):
                self._rows = np.empty((distinct, self._rows.shape[1]), np.float32)
