"""Each kind of contender's file, loaded: a function from documents to logits, one thread.

Imports are in the functions, so that a process that loads one has only what that one needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

Documents = Sequence[Any]
"""Of each document the rows of its words, int64; for TF-IDF, its words."""
Logits = Callable[[Documents], np.ndarray]
BATCH = 64
PADDING = 1


def pytorch(path: Path) -> Logits:
    """PyTorch, eager, in batches of similar lengths."""
    import torch

    from benchmarks.tickets import networks

    torch.set_num_threads(1)
    module = networks.load(path)
    return _in_batches(lambda tokens, lengths: networks.logits(module, tokens, lengths))


def onnx(path: Path) -> Logits:
    """ONNX Runtime, in batches of similar lengths."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])

    def run(tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        inputs = {"tokens": tokens, "lengths": lengths.astype(np.int32)}
        logits: np.ndarray = session.run(None, inputs)[0]
        return logits

    return _in_batches(run)


def ticket(path: Path) -> Logits:
    """A ticket, compiled."""
    from lottery.tickets import Ticket

    return Ticket.load(path, compiled=True).logits_of_ids


def tfidf(path: Path) -> Logits:
    """Words and pairs of words in scikit-learn."""
    from safetensors import safe_open
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    words = json.loads(arrays["words"].tobytes())
    vectorizer = TfidfVectorizer(
        analyzer=pairs, sublinear_tf=True, vocabulary={word: n for n, word in enumerate(words)}
    )
    vectorizer.idf_ = arrays["idf"].astype(np.float64)
    model = LogisticRegression()
    model.coef_, model.intercept_ = arrays["coef"], arrays["intercept"]
    model.classes_ = np.arange(max(2, len(model.coef_)))

    def run(documents: Documents) -> np.ndarray:
        scores: np.ndarray = model.decision_function(vectorizer.transform(documents))
        return scores[:, None] if scores.ndim == 1 else scores

    return run


KINDS: dict[str, Callable[[Path], Logits]] = {
    "pytorch": pytorch,
    "onnx": onnx,
    "ticket": ticket,
    "tfidf": tfidf,
}


def pairs(words: Sequence[str]) -> list[str]:
    """The words of a document and each two that follow one another."""
    return [*words, *(f"{one} {other}" for one, other in pairwise(words))]


def _in_batches(run: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Logits:
    def logits(documents: Documents) -> np.ndarray:
        lengths = np.array([len(document) for document in documents])
        order = np.argsort(lengths, kind="stable")
        rows: list[np.ndarray] = []
        for first in range(0, len(order), BATCH):
            group = order[first : first + BATCH]
            tokens = np.full((len(group), lengths[group].max()), PADDING, np.int64)
            for row, number in zip(tokens, group, strict=True):
                row[: lengths[number]] = documents[number]
            rows.append(run(tokens, lengths[group]))
        result = np.empty((len(documents), rows[0].shape[1]), np.float32)
        result[order] = np.concatenate(rows)
        return result

    return logits
