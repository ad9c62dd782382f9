"""What a careful PyTorch user writes: length buckets, fused Adam, masks on the device."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader, Sampler

from benchmarks.cells import BATCH, DIM, Cell, texts
from lottery import models
from lottery.storage.token_arrays import PAD
from lottery.training import batches
from lottery.training.batches import Documents

WIDTHS = (3, 4, 5)


def prepare(threads: int) -> None:
    """The number of threads; all else is PyTorch's default."""
    torch.set_num_threads(threads)


class CNN(nn.Module):
    """A one-dimensional convolution per width; windows that reach into the padding never win."""

    def __init__(self, rows: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(rows, DIM, padding_idx=PAD)
        self.convolutions = nn.ModuleList(nn.Conv1d(DIM, 100, width) for width in WIDTHS)
        self.output = nn.Linear(300, outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        tokens = F.pad(tokens, (0, max(0, 5 - tokens.shape[1])), value=PAD)
        embedded = self.embedding(tokens).transpose(1, 2)
        pooled = []
        for width, convolution in zip(WIDTHS, self.convolutions, strict=True):
            values = convolution(embedded)
            last = lengths.clamp(min=5) - width
            outside = torch.arange(values.shape[2], device=values.device) > last[:, None]
            pooled.append(values.masked_fill(outside[:, None], -torch.inf).amax(2).relu())
        logits: torch.Tensor = self.output(self.dropout(torch.cat(pooled, 1)))
        return logits


class LSTM(nn.Module):
    """Packed sequences, read at the last states of the last layer."""

    def __init__(self, rows: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(rows, DIM, padding_idx=PAD)
        self.lstm = nn.LSTM(
            DIM, 256, num_layers=2, bidirectional=True, dropout=dropout, batch_first=True
        )
        self.output = nn.Linear(512, outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        embedded = self.dropout(self.embedding(tokens))
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        _, (states, _) = self.lstm(packed)
        logits: torch.Tensor = self.output(self.dropout(torch.cat([states[-2], states[-1]], 1)))
        return logits


class Buckets(Sampler[list[int]]):
    """Batches of similar lengths, in the library's order of the data."""

    def __init__(self, lengths: np.ndarray, seed: int) -> None:
        self.lengths, self.seed, self.epoch = lengths, seed, 0

    def __iter__(self) -> Iterator[list[int]]:
        order = batches.order(self.lengths, Size, self.seed, self.epoch)
        self.epoch += 1
        return iter([batch.tolist() for batch in order])


class Size:
    """The size of a batch, as the library has it."""

    documents = BATCH
    tokens = None


def network(cell: Cell, weights: models.Weights, dropout: float) -> nn.Module:
    """The network with the library's ``weights``, so that both start from the same."""
    kinds = {"cnn": CNN, "lstm": LSTM}
    model = kinds[cell.model](cell.rows, models.outputs(cell.classes), dropout)
    for name, parameter in model.named_parameters():
        value = weights[library_name(name)]
        if value.dim() == 4:  # [filters, 1, width, dim], where Conv1d has [filters, dim, width]
            value = value.squeeze(1).mT
        parameter.data.copy_(value)
    return model


def library_name(name: str) -> str:
    """The library's name of a parameter."""
    for number, width in enumerate(WIDTHS):
        name = name.replace(f"convolutions.{number}.", f"conv{width}_")
    return (
        name.replace("embedding.weight", "embedding")
        .replace("lstm.", "")
        .replace("output.", "output_")
    )


def library_weights(network: nn.Module) -> models.Weights:
    """The weights of a plain network by the library's names and in its shapes."""
    weights: models.Weights = {}
    for name, parameter in network.named_parameters():
        value = parameter.detach()
        weights[library_name(name)] = value.mT.unsqueeze(1) if value.dim() == 3 else value
    assert weights["embedding"].shape[1] == DIM
    assert not weights["embedding"][PAD].any()
    return weights


def train(
    model: nn.Module,
    loader: "DataLoader[Any]",
    optimizer: torch.optim.Optimizer,
    masks: list[torch.Tensor],
) -> float:
    """Train for one pass; returns the mean loss per document, in nats."""
    model.train()
    total: torch.Tensor | float = 0.0
    count = 0
    for tokens, lengths, labels in loader:
        logits = model(tokens, lengths)
        if logits.shape[1] == 1:
            loss = F.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
        else:
            loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for parameter, mask in zip(model.parameters(), masks, strict=True):
                parameter.mul_(mask)
        total = total + loss.detach() * len(labels)
        count += len(labels)
    return float(total) / count


def data(documents: Documents, seed: int) -> "DataLoader[Any]":
    """Batches of tokens, lengths and labels, in the library's order of the data."""
    ids, labels = texts(documents), documents.labels.tolist()

    def collate(batch: list[tuple[torch.Tensor, int]]) -> tuple[torch.Tensor, ...]:
        of_batch = [text for text, _ in batch]
        tokens = pad_sequence(of_batch, batch_first=True, padding_value=PAD)
        lengths = torch.tensor([len(text) for text in of_batch])
        return tokens, lengths, torch.tensor([label for _, label in batch])

    pairs: Any = list(zip(ids, labels, strict=True))
    return DataLoader(pairs, batch_sampler=Buckets(documents.lengths, seed), collate_fn=collate)


def load(cell: Cell, documents: Documents) -> Callable[[], float]:
    """A function that trains the careful user's network for one pass at each call."""
    torch.manual_seed(0)
    model = network(cell, dict(cell.network().named_parameters()), 0.5)
    masks = [torch.ones_like(parameter) for parameter in model.parameters()]
    optimizer = torch.optim.Adam(model.parameters(), lr=cell.lr, fused=True)
    loader = data(documents, 0)
    return lambda: train(model, loader, optimizer, masks)
