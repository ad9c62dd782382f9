"""The 2020 procedure: random batches, NumPy masks on every gradient, default Adam, ``.item()``."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from benchmarks.cells import BATCH, DIM, Cell, texts
from lottery import models
from lottery.storage.token_arrays import PAD
from lottery.training.batches import Documents


def prepare(threads: int) -> None:
    """The number of threads; all else is PyTorch's default."""
    torch.set_num_threads(threads)


class CNN(nn.Module):
    """A two-dimensional convolution per width, over an image of words by dimensions."""

    def __init__(self, rows: int, outputs: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(rows, DIM, padding_idx=PAD)
        self.convolutions = nn.ModuleList(nn.Conv2d(1, 100, (width, DIM)) for width in (3, 4, 5))
        self.output = nn.Linear(300, outputs)
        self.dropout = nn.Dropout(0.5)

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        image = self.embedding(tokens).unsqueeze(1)
        maps = [F.relu(convolution(image)).squeeze(3) for convolution in self.convolutions]
        pooled = [F.max_pool1d(values, values.shape[2]).squeeze(2) for values in maps]
        logits: torch.Tensor = self.output(self.dropout(torch.cat(pooled, 1)))
        return logits


class LSTM(nn.Module):
    """Packed sequences, read at the last states of the last layer."""

    def __init__(self, rows: int, outputs: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(rows, DIM, padding_idx=PAD)
        self.lstm = nn.LSTM(DIM, 256, num_layers=2, bidirectional=True, dropout=0.5)
        self.output = nn.Linear(512, outputs)
        self.dropout = nn.Dropout(0.5)

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        embedded = self.dropout(self.embedding(tokens)).transpose(0, 1)
        packed = pack_padded_sequence(embedded, lengths, enforce_sorted=False)
        _, (states, _) = self.lstm(packed)
        logits: torch.Tensor = self.output(self.dropout(torch.cat([states[-2], states[-1]], 1)))
        return logits


def load(cell: Cell, documents: Documents) -> Callable[[], float]:
    """A function that trains the study's network for one pass at each call."""
    torch.manual_seed(0)
    kinds = {"cnn": CNN, "lstm": LSTM}
    model = kinds[cell.model](cell.rows, models.outputs(cell.classes))
    masks = [np.ones(tuple(p.shape), np.float32) for p in model.parameters()]
    optimizer = torch.optim.Adam(model.parameters(), lr=cell.lr)
    ids, labels = texts(documents), documents.labels
    random = np.random.default_rng(0)

    def train() -> float:
        model.train()
        total = 0.0
        order = random.permutation(len(ids))
        for start in range(0, len(ids), BATCH):
            batch = order[start : start + BATCH]
            tokens = pad_sequence([ids[n] for n in batch], batch_first=True, padding_value=PAD)
            classes = labels[torch.from_numpy(batch)]
            optimizer.zero_grad()
            logits = model(tokens, torch.tensor([len(ids[n]) for n in batch]))
            if logits.shape[1] == 1:
                loss = F.binary_cross_entropy_with_logits(logits[:, 0], classes.float())
                correct = ((logits[:, 0] > 0) == classes).float().mean()
            else:
                loss = F.cross_entropy(logits, classes)
                correct = (logits.argmax(1) == classes).float().mean()
            loss.backward()
            for parameter, mask in zip(model.parameters(), masks, strict=True):
                assert parameter.grad is not None
                gradient = np.where(mask == 0, 0, parameter.grad.numpy())
                parameter.grad.data = torch.from_numpy(gradient)
            optimizer.step()
            total += loss.item() * len(batch) + 0 * correct.item()
        return total / len(ids)

    return train
