"""From the canonical table to token arrays, one set a part: train, validation, test."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from lottery.errors import LotteryError
from lottery.sections import Tokens
from lottery.text import vocabulary
from lottery.text.vocabulary import SPECIALS, UNK

QUANTILES = (0.0, 0.1, 0.5, 0.9, 0.99, 1.0)


@dataclass(frozen=True)
class Part:
    """Documents one after the other: ``ids`` uint16 ``[tokens]``, ``offsets`` int64
    ``[documents + 1]``, ``labels`` int64 ``[documents]``."""

    ids: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray


def parts(table: pd.DataFrame, settings: Tokens) -> dict[str, pd.DataFrame]:
    """Cut validation off the training split, stratified by label, in the table's order.

    ``settings.documents`` first takes a stratified sample of the training split.
    """
    train = table[table.split == "train"]
    if settings.documents is not None and settings.documents < len(train):
        train = _stratified(train, settings.documents, settings.split_seed)[0]
    size = round(len(train) * settings.validation_fraction)
    validation, rest = _stratified(train, size, settings.split_seed)
    return {"train": rest, "validation": validation, "test": table[table.split == "test"]}


def tokenize(
    documents: dict[str, pd.DataFrame], settings: Tokens
) -> tuple[dict[str, Part], list[str], dict[str, Any]]:
    """Token arrays a part, the vocabulary (of the training part only) and the report.

    A document without a word (``...``, say, or one cut to nothing) is one ``<unk>``.
    """
    words = {part: _words(part, rows.text, settings.max_tokens) for part, rows in documents.items()}
    known = vocabulary.build((kept for kept, _ in words["train"]), settings.vocabulary)
    ids = {word: id for id, word in enumerate(known) if word not in SPECIALS}
    arrays = {}
    report = {}
    for part, rows in documents.items():
        kept = [[ids.get(word, UNK) for word in document] or [UNK] for document, _ in words[part]]
        lengths = np.array([len(document) for document in kept])
        arrays[part] = Part(
            np.concatenate([np.array(document, np.uint16) for document in kept]),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            rows.label.to_numpy(np.int64),
        )
        uncut = [total for _, total in words[part]]
        cut = [total > len(document) for document, total in words[part]]
        report[part] = {
            "documents": len(kept),
            "tokens": int(lengths.sum()),
            "documents_cut_at_max_tokens": int(np.sum(cut)),
            "documents_without_a_word": sum(not document for document, _ in words[part]),
            "tokens_in_vocabulary": float(np.mean(arrays[part].ids != UNK)),
            "length_quantiles_before_the_cut": {
                f"{share:.0%}": int(np.quantile(uncut, share, method="lower"))
                for share in QUANTILES
            },
        }
    return arrays, known, report


def covered_share(part: Part, covered: np.ndarray) -> float:
    """The share of a part's tokens that have a vector."""
    return float(covered[part.ids].mean())


def _words(part: str, texts: pd.Series, limit: int | None) -> list[tuple[list[str], int]]:
    """Each document's first words and how many it has in all."""
    found = []
    for text in tqdm(texts, desc=f"tokenize {part}", unit="documents"):
        words = vocabulary.words(text)
        found.append((words[:limit], len(words)))
    return found


def _stratified(rows: pd.DataFrame, size: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``size`` rows with the labels' shares, and the others."""
    try:
        chosen, others = train_test_split(
            np.arange(len(rows)), train_size=size, random_state=seed, stratify=rows.label
        )
    except ValueError as error:
        raise LotteryError(f"cannot split {len(rows)} documents by label: {error}") from None
    return rows.iloc[np.sort(chosen)], rows.iloc[np.sort(others)]
