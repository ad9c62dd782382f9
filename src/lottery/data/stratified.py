"""Drawing documents so that each class has its share, and at least one document, on both sides."""

from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import train_test_split

from lottery.errors import LotteryError, brief


def check(
    labels: np.ndarray, classes: Sequence[str], size: int, setting: str, purpose: str
) -> None:
    """Raise LotteryError unless ``size`` documents can be drawn for ``purpose``, and others left
    for training, with each class on both sides.

    ``setting`` is the key that asks for it, with its value.
    """
    counts = np.bincount(labels)
    present = np.flatnonzero(counts).tolist()
    few = [label for label in present if counts[label] < 2]
    if few:
        more = f" (and {len(few) - 1:,} more classes have too few)" if len(few) > 1 else ""
        way_out = "add documents of the class, or remove it"
        if len(few) == len(present):
            way_out = "is the label column right?"
        raise LotteryError(
            f"class {brief(classes[few[0]])} has only {counts[few[0]]} document here{more}, but "
            f"{setting} needs two of each: one for training and one for {purpose}; {way_out}"
        )
    for drawn, side, way_out in (
        (size, f"draws {size:,} for {purpose}", "larger"),
        (len(labels) - size, f"leaves {len(labels) - size:,} for training", "smaller"),
    ):
        if drawn < len(present):
            raise LotteryError(
                f"of {len(labels):,} documents, {setting} {side}, fewer than the {len(present):,} "
                f"classes, each of which needs one; choose a {way_out} value"
            )


def draw(
    labels: np.ndarray, size: int, seed: int, least: np.ndarray | int, least_left: np.ndarray | int
) -> np.ndarray:
    """Which rows are drawn, bool ``[rows]``: ``size`` of them, with the same shares of the labels.

    At least ``least`` rows of each label are drawn and at least ``least_left`` are not, where there
    are enough. Both are int, or int ``[labels]``.
    """
    counts = np.bincount(labels)
    classes = np.count_nonzero(counts)
    generator = np.random.default_rng(seed)
    drawn = np.zeros(len(labels), bool)
    if min(size, len(labels) - size) >= classes and counts[counts > 0].min() > 1:
        rows, _ = train_test_split(
            np.arange(len(labels)), train_size=size, random_state=seed, stratify=labels
        )
    else:  # scikit-learn refuses: take rows at equal distances, class after class
        order = generator.permutation(len(labels))
        order = order[np.argsort(labels[order], kind="stable")]
        rows = order[((np.arange(size) + 0.5) * len(labels) / max(size, 1)).astype(np.int64)]
    drawn[rows] = True
    _keep(drawn, labels, np.minimum(counts, least), generator)
    left = ~drawn
    _keep(left, labels, np.minimum(counts, least_left), generator)
    return ~left


def _keep(
    drawn: np.ndarray, labels: np.ndarray, least: np.ndarray, generator: np.random.Generator
) -> None:
    """Exchange rows, in place, until at least ``least`` int ``[labels]`` of each are drawn."""
    spare = np.bincount(labels[drawn], minlength=len(least)) - least
    while (lacking := int(spare.argmin())) != (giving := int(spare.argmax())):
        if spare[lacking] >= 0 or spare[giving] <= 0:
            return
        drawn[generator.choice(np.flatnonzero(~drawn & (labels == lacking)))] = True
        drawn[generator.choice(np.flatnonzero(drawn & (labels == giving)))] = False
        spare[lacking] += 1
        spare[giving] -= 1
