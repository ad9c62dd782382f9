"""A bidirectional LSTM over words, read out at the last true state of both directions."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from lottery.models import EMBEDDING, Dropout

_PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


@dataclass(frozen=True)
class Options:
    """``models.lstm.options``: ``hidden`` units a direction, number of ``layers``."""

    hidden: int
    layers: int

    def __post_init__(self) -> None:
        if not (1 <= self.hidden <= 10_000 and 1 <= self.layers <= 20):
            raise ValueError(f"hidden must be from 1 to 10000, layers from 1 to 20, not {self}")


class LSTM(nn.Module):
    """Parameters: ``embedding`` ``[rows, dim]``; for each layer and direction ``weight_ih``
    ``[4 hidden, inputs]``, ``weight_hh`` ``[4 hidden, hidden]`` and two biases ``[4 hidden]``,
    under the names of ``torch.nn.LSTM``; ``output_weight``, ``output_bias``.

    Padding lies behind a document. The forward direction never sees it before the document's end;
    for the backward direction each document is turned around in its own length, so that padding
    comes last there too. That is exact without packing, whose backward pass is slow on a CPU.
    """

    def __init__(self, options: Options, rows: int, dim: int, outputs: int) -> None:
        super().__init__()
        self.options = options
        hidden = options.hidden
        self.register_parameter(EMBEDDING, nn.Parameter(torch.empty(rows, dim)))
        for layer in range(options.layers):
            inputs = dim if layer == 0 else 2 * hidden
            shapes = ((4 * hidden, inputs), (4 * hidden, hidden), (4 * hidden,), (4 * hidden,))
            for direction in ("", "_reverse"):
                for part, shape in zip(_PARTS, shapes, strict=True):
                    parameter = nn.Parameter(torch.empty(shape))
                    self.register_parameter(f"{part}_l{layer}{direction}", parameter)
        self.output_weight = nn.Parameter(torch.empty(outputs, 2 * hidden))
        self.output_bias = nn.Parameter(torch.empty(outputs))

    def forward(
        self, tokens: torch.Tensor, lengths: torch.Tensor, dropout: Dropout
    ) -> torch.Tensor:
        """See the package."""
        place = torch.arange(tokens.shape[1], device=tokens.device)
        mirrored = lengths[:, None] - 1 - place
        turned = torch.where(mirrored >= 0, mirrored, place)[:, :, None]
        states = F.embedding(tokens, getattr(self, EMBEDDING))
        for layer in range(self.options.layers):
            states = dropout(states)
            forwards = self._direction(states, layer, "")
            backwards = self._direction(_turn(states, turned), layer, "_reverse")
            # The last layer is read at its true ends only: no need to turn it back.
            if layer < self.options.layers - 1:
                states = torch.cat([forwards, _turn(backwards, turned)], 2)
        last = (lengths - 1)[:, None, None].expand(-1, 1, self.options.hidden)
        ends = torch.cat([forwards.gather(1, last), backwards.gather(1, last)], 2).squeeze(1)
        return F.linear(dropout(ends), self.output_weight, self.output_bias)

    def _direction(self, states: torch.Tensor, layer: int, direction: str) -> torch.Tensor:
        weights = [getattr(self, f"{part}_l{layer}{direction}") for part in _PARTS]
        zeros = states.new_zeros(1, len(states), self.options.hidden)
        # has_biases, num_layers, dropout, train, bidirectional, batch_first
        return torch.lstm(
            states, (zeros, zeros), weights, True, 1, 0.0, self.training, False, True
        )[0]


def _turn(states: torch.Tensor, turned: torch.Tensor) -> torch.Tensor:
    """Each document's states in the opposite order; padding stays where it is."""
    return states.gather(1, turned.expand(-1, -1, states.shape[2]))


def build(options: Options, rows: int, dim: int, outputs: int) -> LSTM:
    """The network with weights that are not yet set."""
    return LSTM(options, rows, dim, outputs)
