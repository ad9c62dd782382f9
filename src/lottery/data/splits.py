"""Which documents are for training, for validation and for testing."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lottery.config.text_schema import Tokens
from lottery.data import stratified
from lottery.errors import LotteryError

TEST_SEED = 20_200_101
"""Fixed, so that everybody has the same test documents."""


def check_test(labels: np.ndarray, classes: Sequence[str], fraction: float, key: str) -> None:
    """Raise LotteryError, with class and ``key``, unless ``fraction`` of the documents can be drawn
    for testing with each class on both sides."""
    size = math.ceil(fraction * len(labels))
    stratified.check(labels, classes, size, f"{key}.test_fraction {fraction}", "testing")


def with_test(table: pd.DataFrame, fraction: float) -> pd.DataFrame:
    """``table`` with ``fraction`` of its documents drawn for testing, stratified by label; the
    others are for training."""
    labels = table.label.to_numpy()
    size = math.ceil(fraction * len(table))
    # Of a class of three, two stay in training, of which one is for validation.
    least = np.minimum(np.bincount(labels) - 1, 2)
    train = stratified.draw(labels, len(table) - size, TEST_SEED, least, 1)
    return table.assign(split=np.where(train, "train", "test").astype(object))


def splits(
    table: pd.DataFrame, settings: Tokens, classes: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """The rows of train, validation and test, each in the table's order.

    Validation is taken from the table's training split, stratified by label. If
    ``settings.documents`` is set, a stratified sample of that size is drawn first. Each class is in
    both. Raises LotteryError, with class and key, if there are too few documents.
    """
    train_set = table[table.split == "train"]
    seed, size = settings.split_seed, settings.documents
    if size is not None and size < len(train_set):
        if size < 2 * (present := train_set.label.nunique()):
            raise LotteryError(
                f"tokens.documents {size} is too few for {present:,} classes, each of which needs "
                f"one for training and one for validation; choose at least {2 * present}"
            )
        # Two, of which one is for validation. What is left is not used.
        train_set = train_set[stratified.draw(train_set.label.to_numpy(), size, seed, 2, 0)]
    labels = train_set.label.to_numpy()
    size = round(len(train_set) * settings.validation_fraction)
    setting = f"tokens.validation_fraction {settings.validation_fraction}"
    stratified.check(labels, classes, size, setting, "validation")
    drawn = stratified.draw(labels, size, seed, 1, 1)
    test_set = table[table.split == "test"]
    return {"train": train_set[~drawn], "validation": train_set[drawn], "test": test_set}
