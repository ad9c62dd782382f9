"""Convolutions over tokens and a maximum over time (Kim 2014, section 2).

Kim's training is not followed: there is no bound on the norm of the output layer's weights
("max-norm", his section 2.1), which pruning would have to respect, and Adam instead of Adadelta.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from lottery.kernels import selection
from lottery.kernels.conv_maxpool import conv_maxpool
from lottery.models import EMBEDDING, Dropout


@dataclass(frozen=True)
class Options:
    """``models.cnn.options``: ``filters`` of each of the ``widths``, in tokens."""

    filters: int
    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.filters <= 10_000:
            raise ValueError(f"filters must be from 1 to 10000, got {self.filters}")
        distinct = len(set(self.widths)) == len(self.widths)
        if not (self.widths and distinct and min(self.widths) >= 1 and max(self.widths) <= 100):
            raise ValueError(f"widths must be distinct, each from 1 to 100, got {self.widths}")


class CNN(nn.Module):
    """Parameters: ``embedding`` ``[rows, dim]``, ``conv<width>_weight`` ``[filters, 1, width,
    dim]`` (a two-dimensional convolution's shape, as in the study: the initializer's scale comes
    from it), ``conv<width>_bias``, ``output_weight``, ``output_bias``."""

    output_layer = ("output_weight", "output_bias")

    def __init__(self, options: Options, rows: int, dim: int, outputs: int) -> None:
        super().__init__()
        self.options = options
        self.precision = torch.float32
        self.register_parameter(EMBEDDING, nn.Parameter(torch.empty(rows, dim)))
        for width in options.widths:
            weight = nn.Parameter(torch.empty(options.filters, 1, width, dim))
            self.register_parameter(f"conv{width}_weight", weight)
            bias = nn.Parameter(torch.empty(options.filters))
            self.register_parameter(f"conv{width}_bias", bias)
        features = options.filters * len(options.widths)
        self.output_weight = nn.Parameter(torch.empty(outputs, features))
        self.output_bias = nn.Parameter(torch.empty(outputs))

    def forward(
        self,
        embeddings: torch.Tensor,
        indices: torch.Tensor,
        lengths: torch.Tensor,
        dropout: Dropout,
    ) -> torch.Tensor:
        """Logits ``[documents, outputs]``; the arguments are those in :mod:`lottery.models`."""
        widths = self.options.widths
        weights = [getattr(self, f"conv{width}_weight").squeeze(1) for width in widths]
        compute = conv_maxpool if embeddings.device.type == "cpu" else plain_conv_maxpool
        if self.precision != embeddings.dtype:
            embeddings = embeddings.to(self.precision)
            weights = [weight.to(self.precision) for weight in weights]
        maxima = compute(embeddings, indices, lengths, weights).to(self.output_weight.dtype)
        bias = torch.cat([getattr(self, f"conv{width}_bias") for width in widths])
        # ReLU is monotone and a bias is one number: both come after the maximum, once per document.
        return F.linear(dropout((maxima + bias).relu()), self.output_weight, self.output_bias)

    def flow(self, weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The sum of the logits for a document that has every token at every position, where no
        weight is negative: a scalar, linear in each tensor.

        For pruning without data (Tanaka et al. 2020, section 6). Biases are left out. All positions
        are alike, so the maximum over time is any of them.
        """
        embedding = weights[EMBEDDING].sum(0)
        names = [f"conv{width}_weight" for width in self.options.widths]  # the output's columns
        features = [(weights[name].squeeze(1) * embedding).sum((1, 2)) for name in names]
        return (weights["output_weight"] * torch.cat(features)).sum()


def plain_conv_maxpool(
    embeddings: torch.Tensor,
    indices: torch.Tensor,
    lengths: torch.Tensor,
    weights: Sequence[torch.Tensor],
) -> torch.Tensor:
    """Each filter's largest value over a document's windows, ``[documents, filters]``, no bias.

    The same as :func:`lottery.kernels.conv_maxpool.conv_maxpool`, in plain PyTorch: what a GPU
    runs.
    """
    widest = max(weight.shape[1] for weight in weights)
    longest = indices.shape[1]
    inside = torch.arange(longest, device=indices.device) < lengths[:, None]
    values = F.embedding(indices, embeddings) * inside[:, :, None]
    values = F.pad(values, (0, 0, 0, max(0, widest - longest))).transpose(1, 2)
    lengths = lengths.clamp(min=widest)
    maxima = []
    for weight in weights:
        sums = F.conv1d(values, weight.transpose(1, 2))
        starts = torch.arange(sums.shape[2], device=indices.device)
        outside = starts > (lengths - weight.shape[1])[:, None]
        sums = sums.masked_fill(outside[:, None], -torch.inf)
        maxima.append(selection.pick(sums, sums.argmax(2, keepdim=True), 2))
    return torch.cat(maxima, 1)


def build(options: Options, rows: int, dim: int, outputs: int) -> CNN:
    """The network, with weights that are not yet set."""
    return CNN(options, rows, dim, outputs)
