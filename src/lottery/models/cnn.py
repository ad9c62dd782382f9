"""Convolutions over words and a maximum over time (Kim 2014, section 2)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from lottery.batches import PAD
from lottery.models import EMBEDDING, Dropout


@dataclass(frozen=True)
class Options:
    """``models.cnn.options``: ``filters`` of each of the ``widths``, in tokens."""

    filters: int
    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.filters <= 10_000:
            raise ValueError(f"filters must be from 1 to 10000, not {self.filters}")
        distinct = len(set(self.widths)) == len(self.widths)
        if not (self.widths and distinct and min(self.widths) >= 1 and max(self.widths) <= 100):
            raise ValueError(f"widths must be different, from 1 to 100, not {self.widths}")


class CNN(nn.Module):
    """Parameters: ``embedding`` ``[rows, dim]``, ``conv<width>_weight`` ``[filters, 1, width,
    dim]`` (a two-dimensional convolution's shape, as in the study: the initialiser's scale comes
    from it), ``conv<width>_bias``, ``output_weight``, ``output_bias``."""

    def __init__(self, options: Options, rows: int, dim: int, outputs: int) -> None:
        super().__init__()
        self.widths = options.widths
        self.register_parameter(EMBEDDING, nn.Parameter(torch.empty(rows, dim)))
        for width in self.widths:
            weight = nn.Parameter(torch.empty(options.filters, 1, width, dim))
            self.register_parameter(f"conv{width}_weight", weight)
            bias = nn.Parameter(torch.empty(options.filters))
            self.register_parameter(f"conv{width}_bias", bias)
        features = options.filters * len(self.widths)
        self.output_weight = nn.Parameter(torch.empty(outputs, features))
        self.output_bias = nn.Parameter(torch.empty(outputs))

    def forward(
        self, tokens: torch.Tensor, lengths: torch.Tensor, dropout: Dropout
    ) -> torch.Tensor:
        """See the package. Documents shorter than the widest filter are padded to its width."""
        widest = max(self.widths)
        if tokens.shape[1] < widest:
            tokens = F.pad(tokens, (0, widest - tokens.shape[1]), value=PAD)
        lengths = lengths.clamp(min=widest)
        words = F.embedding(tokens, getattr(self, EMBEDDING)).transpose(1, 2)
        features = [self._maxima(words, lengths, width) for width in self.widths]
        return F.linear(dropout(torch.cat(features, 1)), self.output_weight, self.output_bias)

    def _maxima(self, words: torch.Tensor, lengths: torch.Tensor, width: int) -> torch.Tensor:
        """Each filter's largest value over the windows that lie inside the document."""
        weight = getattr(self, f"conv{width}_weight").squeeze(1).transpose(1, 2)
        windows = F.conv1d(words, weight, getattr(self, f"conv{width}_bias"))
        place = torch.arange(windows.shape[2], device=words.device)
        outside = place > (lengths - width)[:, None]
        # ReLU is monotone: the maximum first, and then one ReLU a document.
        return windows.masked_fill(outside[:, None], -torch.inf).amax(2).relu()


def build(options: Options, rows: int, dim: int, outputs: int) -> CNN:
    """The network with weights that are not yet set."""
    return CNN(options, rows, dim, outputs)
