"""Which documents a seed trains on, and on which it is validated.

Without ``tokens.resplit`` all seeds have the split that is stored. With it, each seed draws a split
of the stored training and validation documents together, so that differences between seeds include
the choice of these documents. The test documents are the same for all.
"""

from pathlib import Path

import numpy as np

from lottery.storage import token_arrays
from lottery.storage.token_arrays import TokenArrays
from lottery.training import rng

DRAWN = ("train", "validation")


def read(folder: Path, split: str, seed: int) -> TokenArrays:
    """``split`` (``train``, ``validation`` or ``test``) of ``data/tokens/<corpus>`` for ``seed``.

    Raises LotteryError for arrays that are damaged.
    """
    split_seed = token_arrays.read_size(folder).resplit
    if split_seed is None or split not in DRAWN:
        return token_arrays.read(folder, split)
    train, validation = (token_arrays.read(folder, name) for name in DRAWN)
    labels = np.concatenate([train.labels, validation.labels])
    drawn = validation_rows(labels, np.bincount(validation.labels), split_seed, seed)
    return _take(train, validation, np.flatnonzero(drawn if split == "validation" else ~drawn))


def validation_rows(
    labels: np.ndarray, counts: np.ndarray, split_seed: int, seed: int
) -> np.ndarray:
    """Which documents of ``labels`` are for validation, bool ``[documents]``; a pure function.

    ``counts[label]`` of each label, every choice equally likely: all seeds have equally many
    documents of each class. Labels beyond ``counts`` have none.
    """
    random = rng.numpy_generator(split_seed, "resplit", seed)
    shuffled = random.permutation(len(labels))
    by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
    sizes = np.bincount(labels)
    numbers = np.arange(len(labels)) - np.repeat(sizes.cumsum() - sizes, sizes)
    limits = np.repeat(np.pad(counts, (0, len(sizes) - len(counts))), sizes)
    drawn = np.zeros(len(labels), bool)
    drawn[by_label[numbers < limits]] = True
    return drawn


def _take(first: TokenArrays, second: TokenArrays, rows: np.ndarray) -> TokenArrays:
    """The documents ``rows`` of ``first`` and then ``second``, one after the other."""
    ids = np.concatenate([first.ids, second.ids])
    starts = np.concatenate([first.offsets[:-1], len(first.ids) + second.offsets[:-1]])[rows]
    sizes = np.concatenate([np.diff(first.offsets), np.diff(second.offsets)])[rows]
    offsets = np.concatenate([[0], sizes.cumsum()])
    tokens = np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1])
    labels = np.concatenate([first.labels, second.labels])
    return TokenArrays(ids[tokens], offsets, labels[rows])
