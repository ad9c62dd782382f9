"""TF-IDF with logistic regression: a linear model of which words a document has."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from lottery.storage.token_arrays import TokenArrays

SPLITS = ("train", "validation", "test")
STRENGTHS = (1.0, 10.0, 100.0)
"""Inverse regularization; the one with the greatest validation accuracy is used."""
MAX_COEFFICIENTS = 20_000_000
"""Words times classes: 80 MB as float32. To fit a larger model takes hours."""
COLUMNS = ["model", "inverse_regularization", "validation_accuracy", "test_accuracy", "bytes"]


def table(splits: Mapping[str, TokenArrays], words: Sequence[str]) -> pd.DataFrame:
    """One row with the columns :data:`COLUMNS`: accuracies in percent, and what the model's size is
    on disk (coefficients, intercepts and document frequencies as float32, and the words).

    The model is fitted on the training split. It reads the words that the networks read: what
    ``tokens.max_tokens`` and ``tokens.vocabulary`` leave. A word counts 1 + log(count) times its
    inverse document frequency, and each document has length 1 (Salton and Buckley 1988). ``words``
    is the vocabulary. The numbers are NaN if the model has over :data:`MAX_COEFFICIENTS`. The same
    arrays give the same bytes.
    """
    row: dict[str, object] = {"model": "tfidf_logistic_regression"}
    if len(words) * len(np.unique(splits["train"].labels)) <= MAX_COEFFICIENTS:
        row |= _fit(splits, words)
    return pd.DataFrame([row], columns=COLUMNS)


def sentence(table: pd.DataFrame) -> str:
    """The table in one sentence."""
    row = table.iloc[0]
    if pd.isna(row.test_accuracy):
        return "TF-IDF with logistic regression was not fitted: too many words times classes"
    return f"TF-IDF with logistic regression: {row.test_accuracy:.1f} % of the test documents right"


def _fit(splits: Mapping[str, TokenArrays], words: Sequence[str]) -> dict[str, object]:
    """The row of the model whose regularization is the best on validation."""
    transform = TfidfTransformer(sublinear_tf=True)
    counts = {split: _counts(arrays, len(words)) for split, arrays in splits.items()}
    transform.fit(counts["train"])
    features = {split: transform.transform(matrix) for split, matrix in counts.items()}
    labels = {split: np.asarray(arrays.labels) for split, arrays in splits.items()}

    def accuracy(model: LogisticRegression, split: str) -> float:
        return 100 * float(np.mean(model.predict(features[split]) == labels[split]))

    fitted = [
        LogisticRegression(C=strength, max_iter=1000).fit(features["train"], labels["train"])
        for strength in STRENGTHS
    ]
    # The first of equals: the stronger regularization.
    model = max(fitted, key=lambda model: accuracy(model, "validation"))
    numbers = model.coef_.size + model.intercept_.size + len(words)
    return {
        "inverse_regularization": model.C,
        "validation_accuracy": accuracy(model, "validation"),
        "test_accuracy": accuracy(model, "test"),
        "bytes": 4 * numbers + sum(len(word.encode()) + 1 for word in words),
    }


def _counts(arrays: TokenArrays, words: int) -> sparse.csr_matrix:
    """How often each document has each word, float64 ``[documents, words]``."""
    ones, ids, offsets = (np.ones(len(arrays.ids)), np.array(arrays.ids), np.array(arrays.offsets))
    matrix = sparse.csr_matrix((ones, ids, offsets), (len(arrays.labels), words))
    matrix.sum_duplicates()
    return matrix
