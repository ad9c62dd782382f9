"""From the corpus table to the token arrays of each split: train, validation, test."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from lottery.config.schema import Tokens
from lottery.data.text import vocabulary
from lottery.errors import LotteryError
from lottery.storage.token_arrays import SPECIALS, UNK, TokenArrays

QUANTILES = (0.0, 0.1, 0.5, 0.9, 0.99, 1.0)


def splits(table: pd.DataFrame, settings: Tokens) -> dict[str, pd.DataFrame]:
    """The rows of train, validation and test, each in the table's order.

    Validation is taken from the table's training split, stratified by label. If
    ``settings.documents`` is set, a stratified sample of that size is drawn first. Raises
    LotteryError if there are too few documents.
    """
    train_set = table[table.split == "train"]
    if settings.documents is not None and settings.documents < len(train_set):
        train_set, _ = _stratified(train_set, settings.documents, settings.split_seed)
    size = round(len(train_set) * settings.validation_fraction)
    validation_set, train_set = _stratified(train_set, size, settings.split_seed)
    test_set = table[table.split == "test"]
    return {"train": train_set, "validation": validation_set, "test": test_set}


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


def _stratified(rows: pd.DataFrame, size: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``size`` rows with the same shares of the labels, and the other rows; both in order.

    Raises LotteryError for too few documents of a label.
    """
    try:
        chosen, others = train_test_split(
            np.arange(len(rows)), train_size=size, random_state=seed, stratify=rows.label
        )
    except ValueError as error:
        raise LotteryError(f"cannot split {len(rows)} documents by label: {error}") from None
    return rows.iloc[np.sort(chosen)], rows.iloc[np.sort(others)]
