"""Token arrays on the device, and batches of documents of similar lengths.

The order of the data is a pure function of (seed, epoch): the same for every strategy and level,
so that strategies are compared in pairs.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, Protocol

import numpy as np
import torch

from lottery import seeds
from lottery.errors import LotteryError

UNK, PAD = 0, 1
_DTYPES: dict[str, type] = {"ids": np.uint16, "offsets": np.int64, "labels": np.int64}
_ANEW = "run 'dvc repro' to make it anew"
_POOL = 50
"""Batches' worth of shuffled documents that are sorted by length together."""


class Size(Protocol):
    """The size of a batch: of ``documents``, or of ``tokens`` with padding; the other is None."""

    documents: Any
    tokens: Any


@dataclass(frozen=True)
class Documents:
    """One part of a corpus.

    On the device: ``ids`` int32 ``[tokens]``, and int64 ``[documents]`` each ``starts`` (a
    document's first token), ``sizes`` (its tokens) and ``labels``. ``lengths`` are the sizes again
    with NumPy, where batches are made up, so that nothing has to be read back from the device.
    """

    ids: torch.Tensor
    starts: torch.Tensor
    sizes: torch.Tensor
    labels: torch.Tensor
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, index: torch.Tensor, longest: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens int64 ``[documents, longest]``, padded behind, and lengths int64 of ``index``."""
        starts = self.starts[index]
        lengths = self.sizes[index]
        place = torch.arange(longest, device=index.device)
        inside = place < lengths[:, None]
        ids = self.ids[torch.where(inside, starts[:, None] + place, 0)].long()
        return torch.where(inside, ids, PAD), lengths


@dataclass(frozen=True)
class Info:
    """What a network must know of a corpus: words (special ones too) and classes."""

    vocabulary: int
    classes: int


def info(folder: Path) -> Info:
    """Read the report in ``data/tokens/<corpus>``. Raises LotteryError for a damaged file."""
    path = folder / "report.json"
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return Info(int(report["vocabulary"]), len(report["classes"]))
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run the tokenize stage first") from None
    except (ValueError, KeyError, TypeError) as error:
        raise LotteryError(f"{path}: damaged ({error}); {_ANEW}") from None


def load(folder: Path, part: str, rows: int, device: torch.device) -> Documents:
    """Load ``part`` (``train``, ``validation`` or ``test``) from ``data/tokens/<corpus>``.

    Ids from ``rows`` on (a model's vocabulary with its two special rows) become ``<unk>``.
    Raises LotteryError for arrays that do not fit together, or not the corpus.
    """
    corpus = info(folder)
    ids, offsets, labels = (
        _typed(folder / f"{part}.{kind}.npy", dtype) for kind, dtype in _DTYPES.items()
    )
    fits = len(offsets) == len(labels) + 1 > 1 and offsets[0] == 0 and offsets[-1] == len(ids)
    # Compared, not subtracted: a difference of two hostile offsets can overflow.
    if not fits or (offsets[1:] <= offsets[:-1]).any():
        raise LotteryError(
            f"{folder}/{part}.*.npy: offsets, ids and labels do not fit together; {_ANEW}"
        )
    if ids.max() >= corpus.vocabulary:
        raise LotteryError(
            f"{folder}/{part}.ids.npy: holds the id {ids.max()}, but the vocabulary has "
            f"{corpus.vocabulary} words; {_ANEW}"
        )
    if labels.min() < 0 or labels.max() >= corpus.classes:
        raise LotteryError(f"{folder}/{part}.labels.npy: holds a label that is no class; {_ANEW}")
    lengths = np.diff(offsets)
    limited = np.where(ids < rows, ids, UNK).astype(np.int32)
    return Documents(
        torch.from_numpy(limited).to(device),
        torch.from_numpy(np.array(offsets[:-1])).to(device),
        torch.from_numpy(lengths).to(device),
        torch.from_numpy(np.array(labels)).to(device),
        lengths,
    )


def _typed(path: Path, dtype: type) -> np.ndarray:
    """The array in ``path``, which must be flat and of ``dtype``."""
    found = array(path)
    if found.ndim != 1 or found.dtype != dtype:
        raise LotteryError(
            f"{path}: {found.dtype} {list(found.shape)}, expected {np.dtype(dtype)} in one row; "
            f"{_ANEW}"
        )
    return found


def array(path: Path) -> np.ndarray:
    """Open a ``.npy`` file, memory-mapped. Raises LotteryError for one that is missing, damaged or
    not finite."""
    try:
        found = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run the tokenize stage first") from None
    except (ValueError, EOFError, OverflowError, SyntaxError, TypeError, TokenError) as error:
        # The header is a piece of Python, and what NumPy's parser says of it is passed on.
        raise LotteryError(f"{path}: damaged ({' '.join(str(error).split())}); {_ANEW}") from None
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise LotteryError(f"{path}: holds a number that is not finite; {_ANEW}")
    return found


def order(lengths: np.ndarray, size: Size, seed: int, epoch: int) -> list[np.ndarray]:
    """The batches of one epoch, each an array of document numbers; a pure function.

    Documents are shuffled, sorted by length within pools of about :data:`_POOL` batches, cut into
    batches of ``size``, and the batches shuffled. Every document stands in one batch.
    """
    random = seeds.numpy_generator(seed, "data order", epoch)
    shuffled = random.permutation(len(lengths))
    documents = size.documents or max(1, int(size.tokens / lengths.mean()))
    pool = documents * _POOL
    batches = []
    for start in range(0, len(shuffled), pool):
        own = shuffled[start : start + pool]
        if size.documents:
            ranked = own[np.argsort(lengths[own], kind="stable")]
            batches += [
                ranked[first : first + documents] for first in range(0, len(own), documents)
            ]
        else:
            batches += [own[batch] for batch in by_length(lengths[own], size.tokens)]
    return [batches[place] for place in random.permutation(len(batches))]


def by_length(lengths: np.ndarray, tokens: int) -> Iterator[np.ndarray]:
    """Batches of documents by length, at most ``tokens`` padded tokens a batch."""
    ranked = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(ranked):
        # The last document of a batch is its longest: lengths[end - 1] * count grows with end.
        sizes = lengths[ranked[start:]] * np.arange(1, len(ranked) - start + 1)
        end = start + max(1, int(np.searchsorted(sizes, tokens, side="right")))
        yield ranked[start:end]
        start = end
