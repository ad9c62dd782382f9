"""Documents that are the same to a network: equal as words, whatever their case and spaces."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from lottery.data.text.tokenized import Tokenized
from lottery.errors import LotteryError, brief

_ORDER = {"train": 0, "validation": 1, "test": 2}


@dataclass(frozen=True)
class Duplicates:
    """What is dropped of a corpus, or would be. Both are bool ``[documents]``."""

    contradictory: np.ndarray
    """Equal to a document of another class. All of them are, so that none is preferred."""
    copies: np.ndarray
    """Equal to a document of the same class (and of no other) that comes first: in training before
    validation before testing, then in the table's order."""

    @property
    def dropped(self) -> np.ndarray:
        """bool ``[documents]``."""
        return self.contradictory | self.copies


def find(tokenized: Tokenized, table: pd.DataFrame) -> Duplicates:
    """The duplicates among the documents of ``table`` (columns label and split)."""
    group = groups(tokenized)
    documents = pd.DataFrame({"group": group, "label": table.label.to_numpy()})
    contradictory = documents.groupby("group").label.transform("nunique").to_numpy() > 1
    order = table.split.map(_ORDER).fillna(0).to_numpy().argsort(kind="stable")
    copies = np.zeros(len(group), bool)
    copies[order] = pd.Series(group[order]).duplicated()
    return Duplicates(contradictory, copies & ~contradictory)


def groups(tokenized: Tokenized) -> np.ndarray:
    """int64 ``[documents]``: the same number for equal documents."""
    number_of: dict[bytes, int] = {}
    numbers, offsets = tokenized.numbers, tokenized.offsets.tolist()
    documents = (numbers[start:end].tobytes() for start, end in pairwise(offsets))
    group = [number_of.setdefault(document, len(number_of)) for document in documents]
    return np.array(group, np.int64)


def check_rest(
    table: pd.DataFrame, duplicates: Duplicates, classes: Sequence[str], key: str
) -> None:
    """Raise LotteryError if no document of a class, or none for testing, is used after all.

    ``key`` is the corpus's in ``params.yaml``. What had no document before either is not refused.
    """
    has_split = bool(table.split.notna().any())
    in_training = (table.split != "test").to_numpy()
    labels = table.label.to_numpy()
    for label in np.unique(labels[in_training]).tolist():
        of_class = in_training & (labels == label)
        kind = "training document" if has_split else "document"
        _check(f"{kind} of class {brief(classes[label])}", of_class, duplicates, key)
    if not in_training.all():
        _check("test document", ~in_training, duplicates, key)


def _check(what: str, rows: np.ndarray, duplicates: Duplicates, key: str) -> None:
    """Raise LotteryError if all ``rows``, bool ``[documents]``, are dropped."""
    if (rows & ~duplicates.dropped).any():
        return
    reasons = (
        (duplicates.contradictory, "has the same words as a document of another class"),
        (duplicates.copies, "is a duplicate of a training document"),
    )
    counts = [(int((rows & which).sum()), reason) for which, reason in reasons]
    count = sum(number for number, _ in counts)
    parts = [
        f"each of the {count:,} {reason}"
        if number == count
        else f"{number:,} of {count:,}: {reason}"
        for number, reason in counts
        if number
    ]
    raise LotteryError(
        f"no {what} remains: {', '.join(parts)}; correct the file, or use all documents with "
        f"{key}.dedupe: false"
    )
