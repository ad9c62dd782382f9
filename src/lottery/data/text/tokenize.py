"""From the corpus table to the token arrays of each split: train, validation, test."""

from typing import Any

import numpy as np
import pandas as pd

from lottery.config import plugins
from lottery.config.text_schema import Tokens
from lottery.data import corpus_counts, splits
from lottery.data.corpus_table import CorpusTable
from lottery.data.text import duplicates, near_duplicates, tokenized, vocabulary
from lottery.data.text.duplicates import Duplicates
from lottery.data.text.tokenized import Tokenized
from lottery.errors import LotteryError
from lottery.storage.token_arrays import SPECIALS, UNK, TokenArrays

Arrays = dict[str, TokenArrays]
"""By split."""


def words_of(corpus: CorpusTable, settings: Tokens) -> Tokenized:
    """All words of all documents. Raises LotteryError for an unknown tokenizer."""
    tokenizer = plugins.load("lottery.data.text.tokenizers", settings.tokenizer, "tokenizer")
    return tokenized.of(corpus.frame.text, tokenizer.words)


def tokenize(
    corpus: CorpusTable,
    documents: Tokenized,
    settings: Tokens,
    dedupe: bool,
    key: str,
    words: list[str] | None = None,
) -> tuple[Arrays, list[str], dict[str, Any]]:
    """The token arrays of each split, the vocabulary, and the report on the corpus.

    Duplicates are found on all words of a document, and dropped if ``dedupe``, before anything is
    drawn. The vocabulary is of the training split only; with ``settings.resplit`` of training and
    validation, since each is training for some seed. With ``words``, another corpus's, it is those.
    A document without a word (only quotation marks, say) becomes a single ``<unk>``. ``key`` is the
    corpus's in ``params.yaml``.
    Raises LotteryError, with class and key, if too few documents remain.
    """
    parts, doubles = _parts(corpus, documents, settings, dedupe, key)
    words, arrays = _arrays(documents.cut(settings.max_tokens), parts, settings, words)
    report = {
        **corpus_counts.duplicates(doubles.contradictory, doubles.copies, dedupe),
        **_similar(documents, parts, settings.max_tokens),
        **corpus_counts.tokens(documents, parts, arrays, corpus.classes, settings),
        "vocabulary": len(words),
    }
    return arrays, words, report


def test_texts(corpus: CorpusTable, settings: Tokens, dedupe: bool, key: str) -> list[str]:
    """The texts of the test documents, in the order of their token arrays."""
    documents = words_of(corpus, settings)
    parts, _ = _parts(corpus, documents, settings, dedupe, key)
    return list(parts["test"].text)


def coverage(arrays: Arrays, covered: np.ndarray) -> dict[str, Any]:
    """How many words have a vector, and which share of each split's tokens; ``covered`` is bool
    ``[words]``."""
    shares = {split: float(covered[part.ids].mean()) for split, part in arrays.items()}
    return {"words_covered": int(covered.sum()), "tokens_covered": shares}


def _parts(
    corpus: CorpusTable, documents: Tokenized, settings: Tokens, dedupe: bool, key: str
) -> tuple[dict[str, pd.DataFrame], Duplicates]:
    """The rows of the corpus table in each split, and which of all rows are duplicates."""
    table = corpus.frame.reset_index(drop=True)
    doubles = duplicates.find(documents, table)
    if dedupe:
        duplicates.check_rest(table, doubles, corpus.classes, key)
        table = table[~doubles.dropped]
    try:
        return _splits(table, corpus, settings, key), doubles
    except LotteryError as error:
        raise LotteryError(f"{error}{_dropped(doubles, dedupe)}") from None


def _splits(
    table: pd.DataFrame, corpus: CorpusTable, settings: Tokens, key: str
) -> dict[str, pd.DataFrame]:
    """The rows of ``table`` in each split."""
    if (fraction := corpus.test_fraction) is not None:
        splits.check_test(table.label.to_numpy(), corpus.classes, fraction, key)
        table = splits.with_test(table, fraction)
    return splits.splits(table, settings, corpus.classes)


def _dropped(doubles: Duplicates, dedupe: bool) -> str:
    """The end of an error about too few documents, if some were dropped."""
    if not dedupe or not doubles.dropped.any():
        return ""
    return (
        f" ({doubles.contradictory.sum():,} documents whose words are also in another class and "
        f"{doubles.copies.sum():,} duplicates were dropped before)"
    )


def _similar(
    documents: Tokenized, parts: dict[str, pd.DataFrame], limit: int | None
) -> dict[str, Any]:
    """What the report says of documents that are equal up to ``limit``, and of near-duplicates."""
    training = np.concatenate([parts[split].index for split in ("train", "validation")])
    test = parts["test"].index.to_numpy()
    rows = np.concatenate([training, test])
    in_full, in_part = duplicates.groups(documents), duplicates.groups(documents.cut(limit))
    distinct = [len(np.unique(group[rows])) for group in (in_full, in_part)]
    in_training = [np.isin(group[test], group[training]) for group in (in_full, in_part)]
    return {
        "equal_up_to_max_tokens": {
            "documents": distinct[0] - distinct[1],
            "test_documents": int((in_training[1] & ~in_training[0]).sum()),
        },
        "near_duplicates": near_duplicates.count(documents, training, test),
    }


def _arrays(
    documents: Tokenized,
    parts: dict[str, pd.DataFrame],
    settings: Tokens,
    words: list[str] | None,
) -> tuple[list[str], Arrays]:
    """The vocabulary, and the token arrays of each split.

    The vocabulary is ``words``, or else at most ``settings.vocabulary`` of the corpus's own. A word
    that is not in it is ``<unk>``.
    """
    of_split = {split: documents.take(rows.index.to_numpy()) for split, rows in parts.items()}
    if words is None:
        sources = ("train", "validation") if settings.resplit else ("train",)
        numbers = np.concatenate([of_split[split].numbers for split in sources])
        counts = np.bincount(numbers, minlength=len(documents.words)).tolist()
        counted = dict(zip(documents.words, counts, strict=True))
        words = vocabulary.build(counted, settings.vocabulary)
    ids = {word: id for id, word in enumerate(words) if word not in SPECIALS}
    id_of = np.array([ids.get(word, UNK) for word in documents.words], np.uint16)
    return words, {
        split: _array(of_split[split], id_of, rows.label) for split, rows in parts.items()
    }


def _array(documents: Tokenized, id_of: np.ndarray, labels: pd.Series) -> TokenArrays:
    """The token arrays of one split; ``id_of`` is uint16 ``[words]``."""
    empty = documents.lengths == 0
    lengths = np.maximum(documents.lengths, 1)
    return TokenArrays(
        ids=np.insert(id_of[documents.numbers], documents.offsets[:-1][empty], UNK),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        labels=labels.to_numpy(np.int64),
    )
