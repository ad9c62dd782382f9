"""Documents on the device, and batches of documents of similar lengths.

The order of the data is a pure function of (seed, epoch): the same for every strategy and level,
so that strategies are compared in pairs. The lengths of the batches are a function of the epoch
alone, so that seeds meet batches of the same length at the same step and can train side by side.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from lottery.storage.token_arrays import PAD, UNK
from lottery.training import rng, splits

_POOL = 50
"""How many batches of shuffled documents are sorted by length together."""


class BatchSize(Protocol):
    """The size of a batch: of ``documents``, or of ``tokens`` with padding; the other is None."""

    @property
    def documents(self) -> int | None: ...

    @property
    def tokens(self) -> int | None: ...


@dataclass(frozen=True)
class Documents:
    """One split of a corpus.

    On the device: ``ids`` int32 ``[tokens]``, and int64 ``[documents]`` each ``starts`` (a
    document's first token), ``sizes`` (its tokens) and ``labels``. ``lengths`` are the sizes as
    a NumPy array: batches are composed from it, so that nothing is read back from the device.
    """

    ids: torch.Tensor
    starts: torch.Tensor
    sizes: torch.Tensor
    labels: torch.Tensor
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, index: torch.Tensor, longest: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The documents ``index``: tokens int64 ``[documents, longest]``, padded at the end, and
        lengths int64 ``[documents]``."""
        starts = self.starts[index]
        lengths = self.sizes[index]
        position = torch.arange(longest, device=index.device)
        inside = position < lengths[:, None]
        ids = self.ids[torch.where(inside, starts[:, None] + position, 0)].long()
        return torch.where(inside, ids, PAD), lengths


def load(folder: Path, split: str, rows: int, device: torch.device, seed: int) -> Documents:
    """``split`` (``train``, ``validation`` or ``test``) of ``data/tokens/<corpus>`` for ``seed``.

    Ids from ``rows`` on (a model's vocabulary with its two special rows) become ``<unk>``.
    Raises LotteryError for arrays that are damaged.
    """
    arrays = splits.read(folder, split, seed)
    lengths = np.diff(arrays.offsets)
    limited = np.where(arrays.ids < rows, arrays.ids, UNK).astype(np.int32)
    return Documents(
        torch.from_numpy(limited).to(device),
        torch.from_numpy(np.array(arrays.offsets[:-1])).to(device),
        torch.from_numpy(lengths).to(device),
        torch.from_numpy(np.array(arrays.labels)).to(device),
        lengths,
    )


def order(
    lengths: np.ndarray, size: BatchSize, seed: int, epoch: int, sequence: int = 0
) -> list[np.ndarray]:
    """The batches of one epoch, each an array of document numbers; a pure function.

    Every document is in one batch. All seeds have the same number of batches, and at each step a
    batch of the same number of documents, of the same lengths one by one: only which of the
    documents of a length stands there depends on the seed. So a document that is the only one of
    its length meets the same step in all seeds. ``sequence`` chooses another sequence of lengths.

    Seeds with different documents (``lengths`` differ) have this too as far as their documents,
    ranked by length, have the same lengths; for batches of ``documents`` the number of batches, and
    of documents in each, is the same for equally many documents of any lengths.
    """
    random = rng.numpy_generator(seed, "data order", epoch)
    shuffled = random.permutation(len(lengths))
    ranked = shuffled[np.argsort(lengths[shuffled], kind="stable")]
    random = rng.numpy_generator(sequence, "batch lengths", epoch)
    return [ranked[ranks] for ranks in _ranks(lengths[ranked], size, random)]


def _ranks(lengths: np.ndarray, size: BatchSize, random: np.random.Generator) -> list[np.ndarray]:
    """The batches of one epoch as ranks by length; ``lengths`` are sorted.

    Ranks are shuffled, sorted within pools of about :data:`_POOL` batches, cut into batches of
    ``size``, and the batches shuffled.
    """
    shuffled = random.permutation(len(lengths))
    if size.documents:
        documents = size.documents
    else:
        assert size.tokens  # one of the two is set: params.yaml is checked
        documents = max(1, int(size.tokens / lengths.mean()))
    batches: list[np.ndarray] = []
    for start in range(0, len(shuffled), documents * _POOL):
        pool = np.sort(shuffled[start : start + documents * _POOL])
        if size.documents:
            batches += [pool[first : first + documents] for first in range(0, len(pool), documents)]
        else:
            assert size.tokens
            batches += [pool[batch] for batch in by_length(lengths[pool], size.tokens)]
    return [batches[number] for number in random.permutation(len(batches))]


def by_length(lengths: np.ndarray, tokens: int) -> Iterator[np.ndarray]:
    """Batches of documents by length, at most ``tokens`` padded tokens per batch."""
    ranked = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(ranked):
        # The last document of a batch is its longest: lengths[end - 1] * count grows with end.
        sizes = lengths[ranked[start:]] * np.arange(1, len(ranked) - start + 1)
        end = start + max(1, int(np.searchsorted(sizes, tokens, side="right")))
        yield ranked[start:end]
        start = end
