"""Counts for the report on a corpus: documents, duplicates, tokens."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lottery.config.text_schema import Tokens
from lottery.data.text.tokenized import Tokenized
from lottery.storage.token_arrays import UNK, TokenArrays

LONG = 10_000
"""Tokens of a document: four times the longest of IMDb."""


def duplicates(contradictory: np.ndarray, copies: np.ndarray, dropped: bool) -> dict[str, Any]:
    """How many documents were read, and how many are equal; both bool ``[documents]``."""
    return {
        "documents_read": len(copies),
        "duplicates_are_dropped": dropped,
        "duplicates": int(copies.sum()),
        "contradictory": int(contradictory.sum()),
    }


def tokens(
    documents: Tokenized,
    parts: Mapping[str, pd.DataFrame],
    arrays: Mapping[str, TokenArrays],
    classes: Sequence[str],
    settings: Tokens,
) -> dict[str, Any]:
    """Counts of each split, and of the tokens of all documents that are used.

    ``documents`` are those of the corpus table, with all words; ``parts`` say which are in which
    split.
    """
    rows = np.concatenate([part.index for part in parts.values()])
    lengths = documents.lengths
    used = documents.cut(settings.max_tokens).lengths[rows]
    longest = int(rows[used.argmax()])
    return {
        "tokenizer": settings.tokenizer,
        "max_tokens": settings.max_tokens,
        "tokens_per_document": {
            "median": float(np.median(lengths[rows])),
            "percentile_95": float(np.percentile(lengths[rows], 95)),
            "maximum": int(lengths[rows].max()),
        },
        "at_most_one_token": float((lengths[rows] <= 1).mean()),
        "without_a_token": int((lengths[rows] == 0).sum()),
        "longest": {"row": longest + 1, "tokens": int(used.max())},
        "longer_than_sensible": int((used > LONG).sum()),
        "classes": list(classes),
        "splits": {
            split: _split(arrays[split], lengths[part.index], classes, settings.max_tokens)
            for split, part in parts.items()
        },
    }


def _split(
    arrays: TokenArrays, lengths: np.ndarray, classes: Sequence[str], limit: int | None
) -> dict[str, Any]:
    """Counts of one split; ``lengths`` are those of its documents with all words."""
    counts = np.bincount(arrays.labels, minlength=len(classes)).tolist()
    return {
        "documents": len(lengths),
        "of_class": dict(zip(classes, counts, strict=True)),
        "tokens": len(arrays.ids),
        "cut_at_max_tokens": int((lengths > limit).sum()) if limit is not None else 0,
        "in_vocabulary": float(np.mean(arrays.ids != UNK)),
    }
