"""Token arrays on disk: the one place that knows the files of ``data/tokens/<corpus>``.

A split is three flat arrays, documents one after the other: ``<split>.ids.npy`` uint16
``[tokens]``, ``<split>.offsets.npy`` int64 ``[documents + 1]`` and ``<split>.labels.npy`` int64
``[documents]``. Beside them ``vocabulary.txt``, a word per line; ``report.json``; and where the
settings ask for vectors, ``vectors.npy`` float32 ``[words, dim]`` and ``covered.npy`` bool
``[words]``, which says which words have one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from lottery.errors import LotteryError
from lottery.storage import files

UNK, PAD = 0, 1
"""The ids of ``<unk>`` and ``<pad>``, which come first in every vocabulary."""
SPECIALS = ("<unk>", "<pad>")

_DTYPES: dict[str, type] = {"ids": np.uint16, "offsets": np.int64, "labels": np.int64}
_REPORT, _VOCABULARY = "report.json", "vocabulary.txt"
_VECTORS, _COVERED = "vectors.npy", "covered.npy"
_REGENERATE = "run 'dvc repro' to regenerate it"


@dataclass(frozen=True)
class TokenArrays:
    """One split as NumPy arrays; see the module for shapes and dtypes."""

    ids: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class CorpusSize:
    """The sizes of a corpus that decide the shapes of a network, and how it is split."""

    vocabulary: int
    """Words, including ``<unk>`` and ``<pad>``."""
    classes: int
    resplit: int | None = None
    """With ``tokens.resplit``, the seed of the splits that the networks' seeds draw, each its own,
    of the stored training and validation documents together. Else None: they are the split."""


def write(
    folder: Path, splits: Mapping[str, TokenArrays], words: Sequence[str], report: Mapping[str, Any]
) -> None:
    """Write the arrays of all splits, the vocabulary and the report into ``folder``."""
    for split, arrays in splits.items():
        for field in fields(arrays):
            files.write_array(_path(folder, split, field.name), getattr(arrays, field.name))
    files.write_text(folder / _VOCABULARY, "".join(f"{word}\n" for word in words))
    files.write_json(folder / _REPORT, report)


def write_vectors(folder: Path, vectors: np.ndarray, covered: np.ndarray) -> None:
    """Write ``vectors`` and ``covered`` into ``folder``; see the module for shapes and dtypes."""
    files.write_array(folder / _VECTORS, vectors)
    files.write_array(folder / _COVERED, covered)


def exist(folder: Path) -> bool:
    """Whether ``folder`` contains token arrays: the report is written last."""
    return (folder / _REPORT).exists()


def read_size(folder: Path) -> CorpusSize:
    """The size of the corpus in ``folder``.

    Raises LotteryError for a missing or damaged report.
    """
    path = folder / _REPORT
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        resplit = report.get("resplit")
        resplit = None if resplit is None else int(resplit)
        return CorpusSize(int(report["vocabulary"]), len(report["classes"]), resplit)
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run the tokenize stage first") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LotteryError(f"{path}: damaged ({error}); {_REGENERATE}") from None


def read_classes(folder: Path) -> list[str]:
    """The names of the classes. Raises LotteryError as :func:`read_size` does."""
    read_size(folder)
    report = json.loads((folder / _REPORT).read_text(encoding="utf-8"))
    return [str(name) for name in report["classes"]]


def read_words(folder: Path) -> list[str]:
    """The vocabulary, with the word of id ``n`` at ``n``. Raises LotteryError if it is missing or
    is not of the corpus's size."""
    path = folder / _VOCABULARY
    try:
        words = path.read_text(encoding="utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise LotteryError(f"{path}: {error}; {_REGENERATE}") from None
    if len(words) != (expected := read_size(folder).vocabulary):
        raise LotteryError(f"{path}: {len(words)} words, expected {expected}; {_REGENERATE}")
    return words


def read(folder: Path, split: str) -> TokenArrays:
    """The arrays of ``split``, memory-mapped.

    Raises LotteryError for arrays that do not fit each other or the corpus's size.
    """
    size = read_size(folder)
    ids, offsets, labels = (
        _read_flat(_path(folder, split, kind), dtype) for kind, dtype in _DTYPES.items()
    )
    fits = len(offsets) == len(labels) + 1 > 1 and offsets[0] == 0 and offsets[-1] == len(ids)
    # Compared, not subtracted: a difference of two hostile offsets can overflow.
    if not fits or (offsets[1:] <= offsets[:-1]).any():
        raise LotteryError(
            f"{_path(folder, split, '*')}: offsets, ids and labels do not fit together; "
            f"{_REGENERATE}"
        )
    if ids.max() >= size.vocabulary:
        raise LotteryError(
            f"{_path(folder, split, 'ids')}: contains the id {ids.max()}, but the vocabulary has "
            f"{size.vocabulary} words; {_REGENERATE}"
        )
    for label in (labels.min(), labels.max()):
        if not 0 <= label < size.classes:
            raise LotteryError(
                f"{_path(folder, split, 'labels')}: contains label {label}, but there are "
                f"{size.classes} classes; {_REGENERATE}"
            )
    return TokenArrays(ids, offsets, labels)


def read_vectors(folder: Path, rows: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of the first ``rows`` words, float32 ``[rows, dim]``, and which of these words
    have one, bool ``[rows]``. Both are copies.

    Raises LotteryError if there are no vectors, or if their size is not ``dim``.
    """
    path = folder / _VECTORS
    if not path.exists():
        raise LotteryError(f"{path}: not found; tokens.vectors is null, but a model needs vectors")
    vectors = read_array(path)
    if vectors.shape[1:] != (dim,):
        raise LotteryError(
            f"{path}: vectors of shape {vectors.shape}, but the model's dim is {dim}; "
            "make models.<model>.dim and tokens.vectors agree"
        )
    return np.array(vectors[:rows]), np.array(read_array(folder / _COVERED)[:rows])


def training_files(folder: Path, vectors: bool) -> list[Path]:
    """The paths of all files in ``folder`` that training reads, with the vectors if ``vectors``."""
    arrays = [_path(folder, split, kind) for split in ("train", "validation") for kind in _DTYPES]
    names = (_REPORT, _VECTORS, _COVERED) if vectors else (_REPORT,)
    return [*arrays, *(folder / name for name in names)]


def _path(folder: Path, split: str, kind: str) -> Path:
    """The file of one array of a split."""
    return folder / f"{split}.{kind}.npy"


def _read_flat(path: Path, dtype: type) -> np.ndarray:
    """The one-dimensional array of ``dtype`` in ``path``. Raises LotteryError for another array."""
    array = read_array(path)
    if array.ndim != 1 or array.dtype != dtype:
        raise LotteryError(
            f"{path}: {array.dtype} {list(array.shape)}, expected one dimension of "
            f"{np.dtype(dtype)}; {_REGENERATE}"
        )
    return array


def read_array(path: Path) -> np.ndarray:
    """The array in a ``.npy`` file, memory-mapped.

    Raises LotteryError for a file that is missing or damaged, or contains a number that is not
    finite.
    """
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run the tokenize stage first") from None
    except (ValueError, EOFError, OverflowError, SyntaxError, TypeError, TokenError) as error:
        # The header is Python source; NumPy's parser can report a flaw in it on several lines.
        reason = " ".join(str(error).split())
        raise LotteryError(f"{path}: damaged ({reason}); {_REGENERATE}") from None
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise LotteryError(f"{path}: contains a number that is not finite; {_REGENERATE}")
    return array
