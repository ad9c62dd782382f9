"""The dense networks as a user of PyTorch would write them, and their file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from lottery.models import EMBEDDING
from lottery.storage.token_arrays import PAD
from lottery.tickets.export import Network

Weights = dict[str, torch.Tensor]


class PlainCNN(nn.Module):
    """A one-dimensional convolution per width; windows that reach into the padding never win."""

    def __init__(self, weights: Weights, options: dict[str, Any]) -> None:
        super().__init__()
        self.widths = options["widths"]
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

    def __init__(self, weights: Weights, options: dict[str, Any]) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(weights[EMBEDDING])
        self.lstm = nn.LSTM(
            weights[EMBEDDING].shape[1],
            options["hidden"],
            options["layers"],
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


def _output(weights: Weights) -> nn.Linear:
    layer = nn.Linear(weights["output_weight"].shape[1], len(weights["output_weight"]))
    layer.weight.data, layer.bias.data = weights["output_weight"], weights["output_bias"]
    return layer


def save(network: Network, path: Path) -> None:
    """Write the weights in float32, with what :func:`load` needs to know."""
    about = json.dumps({"model": network.model, "options": dict(network.options)})
    weights = {name: torch.from_numpy(value) for name, value in network.weights.items()}
    save_file(weights, path, {"about": about})


def load(path: Path) -> nn.Module:
    """The network in a file of :func:`save`, ready to predict."""
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["about"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    kind = PlainCNN if about["model"] == "cnn" else PlainLSTM
    return kind(weights, about["options"]).eval()


@torch.inference_mode()
def logits(module: nn.Module, tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The module's logits of a batch, float32 ``[documents, outputs]``."""
    values: np.ndarray = module(torch.from_numpy(tokens), torch.from_numpy(lengths)).numpy()
    return values
