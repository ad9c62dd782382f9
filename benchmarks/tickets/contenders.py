"""The contenders: each makes a function from a batch of documents to logits, one thread.

A document is the ids of its words in the corpus's vocabulary, int64; tokenizing is apart.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from lottery.models import EMBEDDING
from lottery.storage.token_arrays import PAD, UNK
from lottery.tickets import Ticket, export, format
from lottery.tickets.export import Network

Documents = Sequence[np.ndarray]
BATCH = 64


@dataclass
class Contender:
    """``logits`` of documents, in any number; ``bytes`` of its file, words included if it needs
    them."""

    name: str
    logits: Callable[[Documents], np.ndarray]
    bytes: int


class PlainCNN(nn.Module):
    """A one-dimensional convolution per width; windows that reach into the padding never win."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        weights = {name: torch.from_numpy(value) for name, value in network.weights.items()}
        self.widths = network.options["widths"]
        self.embedding = nn.Embedding.from_pretrained(weights[EMBEDDING])
        self.convolutions = nn.ModuleList()
        for width in self.widths:
            weight = weights[f"conv{width}_weight"].squeeze(1).mT.contiguous()
            convolution = nn.Conv1d(weight.shape[1], weight.shape[0], width)
            convolution.weight.data, convolution.bias.data = weight, weights[f"conv{width}_bias"]
            self.convolutions.append(convolution)
        self.output = _output(weights)

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        widest = max(self.widths)
        tokens = F.pad(tokens, (0, max(0, widest - tokens.shape[1])), value=PAD)
        embedded = self.embedding(tokens).transpose(1, 2)
        pooled = []
        for width, convolution in zip(self.widths, self.convolutions, strict=True):
            values = convolution(embedded)
            outside = torch.arange(values.shape[2]) > (lengths.clamp(min=widest) - width)[:, None]
            pooled.append(values.masked_fill(outside[:, None], -torch.inf).amax(2).relu())
        logits: torch.Tensor = self.output(torch.cat(pooled, 1))
        return logits


class PlainLSTM(nn.Module):
    """Packed sequences, read at the last states of the last layer."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        weights = {name: torch.from_numpy(value) for name, value in network.weights.items()}
        self.embedding = nn.Embedding.from_pretrained(weights[EMBEDDING])
        self.lstm = nn.LSTM(
            weights[EMBEDDING].shape[1],
            network.options["hidden"],
            network.options["layers"],
            bidirectional=True,
            batch_first=True,
        )
        self.lstm.load_state_dict({name: weights[name] for name in self.lstm.state_dict()})
        self.output = _output(weights)

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        embedded = self.embedding(tokens)
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        _, (states, _) = self.lstm(packed)
        logits: torch.Tensor = self.output(torch.cat([states[-2], states[-1]], 1))
        return logits


def _output(weights: dict[str, torch.Tensor]) -> nn.Linear:
    layer = nn.Linear(weights["output_weight"].shape[1], len(weights["output_weight"]))
    layer.weight.data, layer.bias.data = weights["output_weight"], weights["output_bias"]
    return layer


def pytorch(dense: Network) -> Contender:
    """The dense network in PyTorch, eager, in batches of similar lengths."""
    module = PlainCNN(dense) if dense.model == "cnn" else PlainLSTM(dense)
    module.eval()

    @torch.inference_mode()
    def run(tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        logits: np.ndarray = module(torch.from_numpy(tokens), torch.from_numpy(lengths)).numpy()
        return logits

    size = 4 * sum(value.size for value in dense.weights.values())
    return Contender("PyTorch eager", _in_batches(run), size)


def onnx(dense: Network, int8: bool) -> Contender:
    """The dense network in ONNX Runtime, also with weights of 8 bits (dynamic quantization)."""
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from lottery.tickets import onnx as ticket_onnx

    contents = export.contents(dense, "float32")
    row_of = _rows(dense, Ticket(contents))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "dense.onnx")
        ticket_onnx.write(contents, path)
        if int8:
            quantize_dynamic(path, small := Path(folder, "int8.onnx"), weight_type=QuantType.QInt8)
            path = small
        session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        size = path.stat().st_size

    def run(tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        given = {"tokens": row_of[tokens], "lengths": lengths.astype(np.int32)}
        logits: np.ndarray = session.run(None, given)[0]
        return logits

    name = "ONNX Runtime int8" if int8 else "ONNX Runtime float32"
    return Contender(name, _in_batches(run), size)


def ticket(network: Network, values: str, name: str) -> Contender:
    """A level in the ticket's own runtime."""
    content = format.to_bytes(export.contents(network, values))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ticket")
        path.write_bytes(content)
        loaded = Ticket.load(path, compiled=True)
    row_of = _rows(network, loaded).astype(np.int32)
    return Contender(
        name, lambda documents: loaded.logits_of_ids([row_of[ids] for ids in documents]),
        len(content),
    )  # fmt: skip


def tfidf(train: tuple[Documents, np.ndarray]) -> Contender:
    """TF-IDF of words and pairs of words with logistic regression, as scikit-learn's defaults
    are."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(analyzer=_pairs, sublinear_tf=True, min_df=2)
    model = LogisticRegression(max_iter=1000)
    model.fit(vectorizer.fit_transform(train[0]), train[1])
    size = 4 * (model.coef_.size + model.intercept_.size) + sum(
        len(repr(word)) for word in vectorizer.vocabulary_
    )
    return Contender(
        "TF-IDF, logistic regression",
        lambda documents: model.decision_function(vectorizer.transform(documents)),
        size,
    )


def _pairs(document: np.ndarray) -> list[Any]:
    ids = document.tolist()
    return [*((id,) for id in ids), *pairwise(ids)]


def _rows(network: Network, loaded: Ticket) -> np.ndarray:
    """The row in the ticket of each id of the corpus's vocabulary, int64."""
    return np.array([loaded.ids([word])[0] for word in network.words], np.int64)


def _in_batches(run: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    def logits(documents: Documents) -> np.ndarray:
        lengths = np.array([len(document) for document in documents])
        order = np.argsort(lengths, kind="stable")
        rows: list[np.ndarray] = []
        for first in range(0, len(order), BATCH):
            group = order[first : first + BATCH]
            tokens = np.full((len(group), lengths[group].max()), PAD, np.int64)
            for row, number in zip(tokens, group, strict=True):
                row[: lengths[number]] = documents[number]
            rows.append(run(tokens, lengths[group]))
        result = np.empty((len(documents), rows[0].shape[1]), np.float32)
        result[order] = np.concatenate(rows)
        return result

    return logits


def known(documents: Documents, rows: int) -> list[np.ndarray]:
    """The documents with ids beyond the model's ``rows`` as unknown words."""
    return [np.where(ids < rows, ids, UNK).astype(np.int64) for ids in documents]
