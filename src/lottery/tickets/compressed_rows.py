"""Sparse matrices as rows of (column, value), and the bytes that say which columns.

A row's columns are written as gaps: how many columns lie between an entry and the one before it. At
95 % sparsity the gaps' Huffman code is within 2 % of the entropy of the mask, where a byte per
column would be 40 % more.
"""

import zlib
from dataclasses import dataclass

import numpy as np

MAX_INFLATED = 1 << 28
"""Bytes of one inflated tensor. A file that says more is refused before memory is taken."""
_ESCAPE = 255


@dataclass(frozen=True)
class SparseMatrix:
    """A float32 matrix of ``shape``, of which only the entries that are not pruned are in memory.

    The entries of row r are ``starts[r]`` to ``starts[r + 1]`` (int64 ``[rows + 1]``) of
    ``columns`` (int32, rising in each row) and ``values`` (float32).
    """

    shape: tuple[int, int]
    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    @property
    def density(self) -> float:
        """The share of the entries that is not pruned."""
        return len(self.values) / max(1, self.shape[0] * self.shape[1])

    def rows(self, numbers: np.ndarray | slice) -> np.ndarray:
        """The rows with these ``numbers``, dense, float32 ``[numbers, columns]``."""
        chosen = np.arange(self.shape[0])[numbers]
        counts = np.diff(self.starts)[chosen]
        owners = np.repeat(np.arange(len(chosen)), counts)
        firsts = np.repeat(self.starts[chosen] - (np.cumsum(counts) - counts), counts)
        entries = firsts + np.arange(len(owners))
        dense = np.zeros((len(chosen), self.shape[1]), np.float32)
        dense[owners, self.columns[entries]] = self.values[entries]
        return dense

    def dense(self) -> np.ndarray:
        """The whole matrix, float32."""
        return self.rows(slice(None))

    def scaled(self, factors: np.ndarray) -> "SparseMatrix":
        """Each row times its factor, float32 ``[rows]``."""
        values = self.values * np.repeat(factors, np.diff(self.starts))
        return SparseMatrix(self.shape, self.starts, self.columns, values)

    def transposed(self) -> "SparseMatrix":
        """Its columns as rows."""
        order = np.argsort(self.columns, kind="stable")
        counts = np.bincount(self.columns, minlength=self.shape[1])
        rows = np.repeat(np.arange(self.shape[0], dtype=np.int32), np.diff(self.starts))
        shape = self.shape[1], self.shape[0]
        return SparseMatrix(shape, _starts(counts), rows[order], self.values[order])


def from_dense(weights: np.ndarray, mask: np.ndarray) -> SparseMatrix:
    """The entries of ``weights`` (float32 ``[rows, columns]``) where ``mask`` (bool) is true.

    A weight that is zero and not pruned is an entry.
    """
    rows, columns = np.nonzero(mask)
    counts = np.bincount(rows, minlength=len(mask))
    values = weights[rows, columns].astype(np.float32)
    return SparseMatrix(mask.shape, _starts(counts), columns.astype(np.int32), values)


def encode(matrix: SparseMatrix) -> tuple[np.ndarray, np.ndarray]:
    """``counts`` and ``columns`` of the file: deflated bytes, uint8."""
    counts = np.diff(matrix.starts)
    gaps = np.diff(matrix.columns.astype(np.int64), prepend=-1) - 1
    firsts = matrix.starts[:-1][counts > 0]
    gaps[firsts] = matrix.columns[firsts]
    return deflate(_to_bytes(counts)), deflate(_to_bytes(gaps))


def decode(
    shape: tuple[int, int], entries: int, counts: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """``starts`` and ``columns`` of a :class:`SparseMatrix`.

    Raises ValueError for bytes that are damaged, or do not fit ``shape`` and ``entries``.
    """
    rows, width = shape
    per_row = _from_bytes(inflate(counts, rows * (1 + width // _ESCAPE)))
    if len(per_row) != rows or per_row.sum() != entries:
        raise ValueError(f"the counts are not those of {entries} entries in {rows} rows")
    gaps = _from_bytes(inflate(columns, entries + rows * (width // _ESCAPE)))
    if len(gaps) != entries:
        raise ValueError(f"{len(gaps)} columns, expected {entries}")
    starts = _starts(per_row)
    # Sums over all rows, less what they had come to at the beginning of each row.
    sums = np.cumsum(gaps + 1)
    before = np.concatenate([[0], sums])[starts[:-1]]
    result = sums - np.repeat(before, per_row) - 1
    if entries and result.max() >= width:
        raise ValueError(f"contains column {result.max()}, but there are {width}")
    return starts, result.astype(np.int32)


def deflate(content: bytes) -> np.ndarray:
    """``content`` in zlib's format, uint8; of Huffman codes only, or with repetitions, whichever
    is shorter."""
    shortest = b""
    for strategy in (zlib.Z_HUFFMAN_ONLY, zlib.Z_DEFAULT_STRATEGY):
        compressor = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
        packed = compressor.compress(content) + compressor.flush()
        shortest = min(shortest or packed, packed, key=len)
    return np.frombuffer(shortest, np.uint8)


def inflate(packed: np.ndarray, most: int) -> bytes:
    """What :func:`deflate` packed. Raises ValueError if it is damaged or longer than ``most``."""
    if most > MAX_INFLATED:
        raise ValueError(f"claims up to {most:,} bytes, at most {MAX_INFLATED:,} are read")
    decompressor = zlib.decompressobj()
    try:
        # One byte more than allowed, which tells a longer one; 0 would mean no limit.
        content = decompressor.decompress(packed.tobytes(), most + 1)
    except zlib.error as error:
        raise ValueError(f"not deflated ({error})") from None
    if len(content) > most:
        raise ValueError(f"inflates to more than {most:,} bytes")
    if not decompressor.eof or decompressor.unused_data:
        raise ValueError("cut short or continued after its end")
    return content


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _to_bytes(numbers: np.ndarray) -> bytes:
    """Each number as its remainder by 255, after a byte 255 for each time it contains 255."""
    lengths = numbers // _ESCAPE + 1
    result = np.full(lengths.sum(), _ESCAPE, np.uint8)
    result[np.cumsum(lengths) - 1] = numbers % _ESCAPE
    return result.tobytes()


def _from_bytes(content: bytes) -> np.ndarray:
    """The numbers that :func:`_to_bytes` wrote, int64."""
    values = np.frombuffer(content, np.uint8)
    last = values != _ESCAPE
    if len(values) and not last[-1]:
        raise ValueError("the last number has no end")
    return np.diff(np.cumsum(values, dtype=np.int64)[last], prepend=0)
