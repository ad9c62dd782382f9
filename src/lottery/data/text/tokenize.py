"""From the corpus table to the token arrays of each split: train, validation, test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from lottery.config.schema import Tokens
from lottery.data import stratified
from lottery.data.text import vocabulary
from lottery.errors import LotteryError
from lottery.storage.token_arrays import SPECIALS, UNK, TokenArrays

QUANTILES = (0.0, 0.1, 0.5, 0.9, 0.99, 1.0)


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


def tokenize(
    tables: dict[str, pd.DataFrame], settings: Tokens
) -> tuple[dict[str, TokenArrays], list[str], dict[str, Any]]:
    """The token arrays of each split, the vocabulary, and a report with counts of each split.

    The vocabulary is of the training split only. A document without a word (only quotation marks,
    say) becomes a single ``<unk>``.
    """
    documents = {
        split: _documents(split, table.text, settings.max_tokens) for split, table in tables.items()
    }
    train_words = (document.words for document in documents["train"])
    words = vocabulary.build(train_words, settings.vocabulary)
    ids = {word: id for id, word in enumerate(words) if word not in SPECIALS}
    arrays = {split: _arrays(documents[split], tables[split].label, ids) for split in tables}
    report = {split: _counts(documents[split], arrays[split]) for split in tables}
    return arrays, words, report


def covered_share(arrays: TokenArrays, covered: np.ndarray) -> float:
    """The share of the tokens whose word has a vector; ``covered`` is bool ``[words]``."""
    return float(covered[arrays.ids].mean())


def summary(report: dict[str, Any]) -> str:
    """The report of :func:`tokenize` in a sentence per split."""
    return "; ".join(_sentence(split, counts) for split, counts in report.items())


def _sentence(split: str, counts: dict[str, float]) -> str:
    shares = f"{counts['tokens_in_vocabulary']:.1%} in the vocabulary"
    if "tokens_with_a_vector" in counts:
        shares += f", {counts['tokens_with_a_vector']:.1%} with a vector"
    return f"{split} {counts['documents']} documents, {counts['tokens']} tokens ({shares})"


@dataclass(frozen=True)
class _Document:
    words: list[str]
    """At most the first ``tokens.max_tokens``; the others need not stay in memory."""
    length: int
    """In words, before the cut."""


def _documents(split: str, texts: pd.Series, limit: int | None) -> list[_Document]:
    """The ``texts`` as words, at most ``limit`` of each."""
    documents = []
    for text in tqdm(texts, desc=f"tokenize {split}", unit="documents"):
        words = vocabulary.words(text)
        documents.append(_Document(words[:limit], len(words)))
    return documents


def _arrays(documents: list[_Document], labels: pd.Series, ids: dict[str, int]) -> TokenArrays:
    """The token arrays of one split; a word without an id becomes ``<unk>``."""
    rows = [[ids.get(word, UNK) for word in document.words] or [UNK] for document in documents]
    return TokenArrays(
        ids=np.concatenate([np.array(row, np.uint16) for row in rows]),
        offsets=np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        labels=labels.to_numpy(np.int64),
    )


def _counts(documents: list[_Document], arrays: TokenArrays) -> dict[str, Any]:
    """What the report says of one split."""
    lengths = [document.length for document in documents]
    return {
        "documents": len(documents),
        "tokens": len(arrays.ids),
        "documents_cut_at_max_tokens": sum(
            document.length > len(document.words) for document in documents
        ),
        "documents_without_a_word": sum(not document.words for document in documents),
        "tokens_in_vocabulary": float(np.mean(arrays.ids != UNK)),
        "length_quantiles_before_the_cut": {
            f"{share:.0%}": int(np.quantile(lengths, share, method="lower")) for share in QUANTILES
        },
    }
