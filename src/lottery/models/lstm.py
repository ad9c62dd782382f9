"""A bidirectional LSTM over tokens, read at the last true state of both directions.

Dropout stands in front of each layer, the first too, and of the output; ``torch.nn.LSTM`` has it
between layers only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import nn

from lottery.kernels import lstm, matmul, selection
from lottery.models import EMBEDDING, Dropout

_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_DIRECTIONS = ("", "_reverse")
_CUDNN_LSTM = 2
"""cuDNN's number of this kind of network (``CUDNN_LSTM``)."""


@dataclass(frozen=True)
class Options:
    """``models.lstm.options``: ``hidden`` units per direction, number of ``layers``."""

    hidden: int
    layers: int

    def __post_init__(self) -> None:
        if not (1 <= self.hidden <= 10_000 and 1 <= self.layers <= 20):
            raise ValueError(
                "hidden must be from 1 to 10000 and layers from 1 to 20, "
                f"got hidden {self.hidden} and layers {self.layers}"
            )


class LSTM(nn.Module):
    """Parameters: ``embedding`` ``[rows, dim]``; for each layer and direction ``weight_ih``
    ``[4 hidden, inputs]``, ``weight_hh`` ``[4 hidden, hidden]`` and two biases ``[4 hidden]``,
    under the names of ``torch.nn.LSTM``; ``output_weight``, ``output_bias``."""

    output_layer = ("output_weight", "output_bias")

    def __init__(self, options: Options, rows: int, dim: int, outputs: int) -> None:
        super().__init__()
        self.options = options
        self.precision = torch.float32
        hidden = options.hidden
        self.register_parameter(EMBEDDING, nn.Parameter(torch.empty(rows, dim)))
        for layer in range(options.layers):
            inputs = dim if layer == 0 else 2 * hidden
            shapes = ((4 * hidden, inputs), (4 * hidden, hidden), (4 * hidden,), (4 * hidden,))
            for direction in _DIRECTIONS:
                for name, shape in zip(_NAMES, shapes, strict=True):
                    parameter = nn.Parameter(torch.empty(shape))
                    self.register_parameter(f"{name}_l{layer}{direction}", parameter)
        self.output_weight = nn.Parameter(torch.empty(outputs, 2 * hidden))
        self.output_bias = nn.Parameter(torch.empty(outputs))

    def forward(
        self,
        embeddings: torch.Tensor,
        indices: torch.Tensor,
        lengths: torch.Tensor,
        dropout: Dropout,
    ) -> torch.Tensor:
        """Logits ``[documents, outputs]``; the arguments are those in :mod:`lottery.models`."""
        compute = packed_last_states if embeddings.device.type == "cpu" else padded_last_states
        weights = [self._layer(layer) for layer in range(self.options.layers)]
        if self.precision != embeddings.dtype:
            embeddings = embeddings.to(self.precision)
            weights = [
                _cast(layer[:4], self.precision) + _cast(layer[4:], self.precision)
                for layer in weights
            ]
        states = compute(embeddings, indices, lengths, weights, dropout)
        dtype = self.output_weight.dtype
        return F.linear(dropout(states).to(dtype), self.output_weight, self.output_bias)

    def _layer(self, layer: int) -> list[torch.Tensor]:
        return [
            getattr(self, f"{name}_l{layer}{direction}")
            for direction in _DIRECTIONS
            for name in _NAMES
        ]

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
        """What ``to`` and the like call. On a GPU each direction's weights are then one chunk, as
        those of ``torch.nn.LSTM`` are, and stay it, since training only writes into them."""
        super()._apply(fn, recurse)
        for layer in range(self.options.layers):
            weights = self._layer(layer)
            _flatten(weights[:4])
            _flatten(weights[4:])
        return self


def _flatten(weights: list[torch.Tensor]) -> None:
    """Move the weights of one direction into one chunk of memory, in cuDNN's order, on a GPU.

    Otherwise cuDNN would copy them into one at each call, with a warning.
    """
    if not torch.backends.cudnn.is_acceptable(weights[0]):
        return
    inputs, hidden = weights[0].shape[1], weights[1].shape[1]
    with torch.no_grad(), torch.cuda.device_of(weights[0]):
        # projection, layers, batch_first, bidirectional
        torch._cudnn_rnn_flatten_weight(
            weights, len(weights), inputs, _CUDNN_LSTM, hidden, 0, 1, True, False
        )


def _cast(weights: list[torch.Tensor], dtype: torch.dtype) -> list[torch.Tensor]:
    """The weights of one direction in another ``dtype``, as one chunk of memory."""
    chunk = torch.cat([weight.flatten() for weight in weights]).to(dtype)
    sizes = [weight.numel() for weight in weights]
    return [
        part.view(weight.shape) for part, weight in zip(chunk.split(sizes), weights, strict=True)
    ]


def packed_last_states(
    embeddings: torch.Tensor,
    indices: torch.Tensor,
    lengths: torch.Tensor,
    weights: Sequence[Sequence[torch.Tensor]],
    dropout: Dropout,
) -> torch.Tensor:
    """The last states of both directions, ``[documents, 2 hidden]``, computed without padding.

    Each of ``weights`` is a layer's eight, as :func:`lottery.kernels.lstm.bidirectional` takes
    them.
    """
    order = lengths.argsort(descending=True, stable=True)
    inside = torch.arange(indices.shape[1])[:, None] < lengths[order]
    steps = inside.sum(1)
    steps = steps[steps > 0]
    packed = indices[order].T[inside]
    states = F.embedding(F.pad(packed, (0, matmul.rounded(len(packed)) - len(packed))), embeddings)
    for layer in weights:
        states = lstm.bidirectional(dropout(states), steps.tolist(), layer)
    hidden = states.shape[1] // 2
    rank = order.argsort()
    firsts = steps.cumsum(0) - steps
    # The forward direction ends in a document's last row, the backward one in its first.
    forwards = states[firsts[lengths - 1] + rank, :hidden]
    return torch.cat([forwards, states[rank, hidden:]], 1)


def padded_last_states(
    embeddings: torch.Tensor,
    indices: torch.Tensor,
    lengths: torch.Tensor,
    weights: Sequence[Sequence[torch.Tensor]],
    dropout: Dropout,
) -> torch.Tensor:
    """The last states of both directions, ``[documents, 2 hidden]``, as in
    :func:`packed_last_states`, in plain PyTorch: what a GPU runs.

    Padding lies behind a document. The forward direction never sees it before the document's end;
    for the backward direction each document is reversed within its length, so that padding comes
    last there too.
    """
    positions = torch.arange(indices.shape[1], device=indices.device)
    mirrored = lengths[:, None] - 1 - positions
    order = torch.where(mirrored >= 0, mirrored, positions)[:, :, None]
    states = F.embedding(indices, embeddings)
    for number, layer in enumerate(weights):
        states = dropout(states)
        forwards = _direction(states, layer[:4])
        backwards = _direction(selection.swap(states, order), layer[4:])
        # The last layer is read at its true ends only: no need to turn it back.
        if number < len(weights) - 1:
            states = torch.cat([forwards, selection.swap(backwards, order)], 2)
    last = (lengths - 1)[:, None, None]
    return torch.cat([selection.pick(states, last, 1) for states in (forwards, backwards)], 1)


def _direction(states: torch.Tensor, weights: Sequence[torch.Tensor]) -> torch.Tensor:
    zeros = states.new_zeros(1, len(states), weights[1].shape[1])
    # has_biases, num_layers, dropout, train, bidirectional, batch_first
    train = torch.is_grad_enabled()
    return torch.lstm(states, (zeros, zeros), list(weights), True, 1, 0.0, train, False, True)[0]


def build(options: Options, rows: int, dim: int, outputs: int) -> LSTM:
    """The network, with weights that are not yet set."""
    return LSTM(options, rows, dim, outputs)
