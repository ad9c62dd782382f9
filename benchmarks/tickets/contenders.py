"""The contenders: each writes its file, and says how a document of the corpus is put to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from benchmarks.tickets import loading, networks
from benchmarks.tickets.loading import Documents, Logits
from lottery.tickets import Ticket, export, format
from lottery.tickets import onnx as ticket_onnx
from lottery.tickets.export import Network


@dataclass(frozen=True)
class Contender:
    """A way to classify text, loaded from its file."""

    name: str
    kind: str
    """A key of :data:`benchmarks.tickets.loading.KINDS`."""
    path: Path
    logits: Logits
    prepare: Callable[[Sequence[np.ndarray]], Documents]
    """From documents of ids in the corpus's vocabulary to what ``logits`` takes."""

    @property
    def bytes(self) -> int:
        """The size of the file; a dense network's is without words."""
        return self.path.stat().st_size


def pytorch(dense: Network, folder: Path) -> Contender:
    """The dense network in PyTorch, eager."""
    networks.save(dense, path := folder / "dense.safetensors")
    return _load("PyTorch eager", "pytorch", path, list)


def onnx(dense: Network, folder: Path, int8: bool) -> Contender:
    """The dense network in ONNX Runtime, also with weights of 8 bits (dynamic quantization)."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    contents = export.contents(dense, "float32")
    path = folder / "dense.onnx"
    ticket_onnx.write(contents, path)
    if int8:
        quantize_dynamic(path, small := folder / "int8.onnx", weight_type=QuantType.QInt8)
        path = small
    name = "ONNX Runtime int8" if int8 else "ONNX Runtime float32"
    return _load(name, "onnx", path, _by_rows(dense, Ticket(contents)))


def ticket(network: Network, values: str, name: str, folder: Path) -> Contender:
    """A level in the ticket's own runtime."""
    path = folder / f"{name}.ticket"
    path.write_bytes(format.to_bytes(export.contents(network, values)))
    return _load(name, "ticket", path, _by_rows(network, Ticket.load(path)))


def tfidf(
    train: tuple[Sequence[np.ndarray], np.ndarray], words: list[str], folder: Path
) -> Contender:
    """TF-IDF of words and pairs of words with logistic regression, as scikit-learn's defaults
    are."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    def prepare(documents: Sequence[np.ndarray]) -> list[list[str]]:
        return [[words[id] for id in ids.tolist()] for ids in documents]

    vectorizer = TfidfVectorizer(analyzer=loading.pairs, sublinear_tf=True, min_df=2)
    model = LogisticRegression(max_iter=1000)
    model.fit(vectorizer.fit_transform(prepare(train[0])), train[1])
    vocabulary = json.dumps(vectorizer.get_feature_names_out().tolist(), ensure_ascii=False)
    arrays = {
        "words": np.frombuffer(vocabulary.encode(), np.uint8),
        "idf": vectorizer.idf_,
        "coef": model.coef_,
        "intercept": model.intercept_,
    }
    for name in ("idf", "coef", "intercept"):  # safetensors writes an array's memory as it lies
        arrays[name] = np.ascontiguousarray(arrays[name], np.float32)
    save_file(arrays, path := folder / "tfidf.safetensors")
    return _load("TF-IDF, logistic regression", "tfidf", path, prepare)


def _load(name: str, kind: str, path: Path, prepare: Callable[..., Documents]) -> Contender:
    return Contender(name, kind, path, loading.KINDS[kind](path), prepare)


def _by_rows(network: Network, loaded: Ticket) -> Callable[[Sequence[np.ndarray]], Documents]:
    """Puts in place of each id of the corpus's vocabulary the row of that word in the ticket."""
    rows = np.array([loaded.ids([word])[0] for word in network.words], np.int64)
    return lambda documents: [rows[ids] for ids in documents]
