"""Many bidirectional LSTMs at once.

States are ``[networks, longest, documents, features]``: a time step of all networks is one product
of stacked matrices. On a GPU a kernel walks through time
(:mod:`lottery.kernels.lstm_triton`).
"""

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from lottery.kernels import selection
from lottery.models import EMBEDDING
from lottery.models.lstm import LSTM
from lottery.training.lockstep.dropout import Dropout
from lottery.training.lockstep.feed import Batch


class Layer(NamedTuple):
    """Both directions of a layer: ``weight_ih`` ``[networks, 2, 4 hidden, inputs]``, ``weight_hh``
    ``[networks, 2, 4 hidden, hidden]`` and the sum of the ``bias``es ``[networks, 2, 4 hidden]``,
    gates in PyTorch's order."""

    weight_ih: torch.Tensor
    weight_hh: torch.Tensor
    bias: torch.Tensor


def forward(
    model: LSTM, weights: Mapping[str, torch.Tensor], batch: Batch, dropout: Dropout
) -> torch.Tensor:
    """Logits ``[networks, documents, outputs]``; see :mod:`lottery.training.lockstep.networks`."""
    embedding = weights[EMBEDDING]
    networks, rows, _ = embedding.shape
    first = rows * torch.arange(networks, device=embedding.device)[:, None, None]
    states = F.embedding(batch.tokens.transpose(1, 2) + first, embedding.flatten(0, 1))
    states = states.to(model.precision)
    for number in range(model.options.layers):
        layer = Layer(*(part.to(model.precision) for part in _layer(weights, number)))
        states = bidirectional(dropout.of_tokens(states, batch), batch.lengths, layer)
    last = dropout.of_documents(_last(states, batch.lengths)).to(embedding.dtype)
    output = weights["output_weight"].transpose(1, 2)
    return torch.baddbmm(weights["output_bias"][:, None], last, output)


def _layer(weights: Mapping[str, torch.Tensor], number: int) -> Layer:
    def both(name: str) -> torch.Tensor:
        return torch.stack([weights[f"{name}_l{number}{end}"] for end in ("", "_reverse")], 1)

    return Layer(both("weight_ih"), both("weight_hh"), both("bias_ih") + both("bias_hh"))


def _last(states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The last states of both directions, ``[networks, documents, 2 hidden]``."""
    hidden = states.shape[3] // 2
    # The forward direction ends with a document's last token, the backward one with its first.
    forwards = selection.pick(states[..., :hidden], (lengths - 1)[:, None, :, None], 1)
    return torch.cat([forwards, states[:, 0, :, hidden:]], 2)


def bidirectional(states: torch.Tensor, lengths: torch.Tensor, layer: Layer) -> torch.Tensor:
    """The hidden states of both directions, ``[networks, longest, documents, 2 hidden]``, zero
    behind a document's end; of ``states`` ``[networks, longest, documents, inputs]``."""
    kernels = _kernels() if states.is_cuda else None
    if kernels is not None and kernels.fits(layer.weight_hh.shape[3]):
        outputs: torch.Tensor = kernels.bidirectional(states, lengths, *layer)
        return outputs
    return plain_bidirectional(states, lengths, layer)


@cache
def _kernels() -> Any:
    """The module of the GPU's kernels, or None where there is no Triton."""
    if find_spec("triton") is None:
        return None
    from lottery.kernels import lstm_triton

    return lstm_triton


def plain_bidirectional(states: torch.Tensor, lengths: torch.Tensor, layer: Layer) -> torch.Tensor:
    """The same as :func:`bidirectional` in plain PyTorch, a time step at a time.

    Products are of the dtype of ``states``; for bfloat16, gates and cell states are float32.
    """
    longest = states.shape[1]
    positions = torch.arange(longest, device=states.device)[:, None]
    inside = (positions < lengths[:, None])[..., None]
    # The backward direction is the forward one, with each document reversed within its length.
    mirrored = (lengths[:, None] - 1 - positions).where(inside[..., 0], positions)
    forwards = _direction(states, inside, *(part[:, 0] for part in layer))
    turned = _swap(states, mirrored)
    backwards = _direction(turned, inside, *(part[:, 1] for part in layer))
    return torch.cat([forwards, _swap(backwards, mirrored)], 3)


def _swap(states: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """``states`` with each document's positions in ``order``: :func:`selection.swap`."""
    by_document = states.transpose(1, 2).flatten(0, 1)
    swapped = selection.swap(by_document, order.transpose(1, 2).flatten(0, 1)[..., None])
    return swapped.unflatten(0, (len(states), -1)).transpose(1, 2)


def _direction(
    inputs: torch.Tensor,
    inside: torch.Tensor,
    weight_ih: torch.Tensor,
    weight_hh: torch.Tensor,
    bias: torch.Tensor,
) -> torch.Tensor:
    networks, longest, documents, _ = inputs.shape
    hidden = weight_hh.shape[2]
    dtype = torch.float32 if inputs.dtype == torch.bfloat16 else inputs.dtype
    gates = torch.baddbmm(bias[:, None], inputs.flatten(1, 2), weight_ih.transpose(1, 2))
    gates = gates.view(networks, longest, documents, 4 * hidden)
    state = inputs.new_zeros(networks, documents, hidden)
    cell_state = state.to(dtype)
    outputs = []
    for time in range(longest):
        total = gates[:, time].to(dtype) + (state @ weight_hh.transpose(1, 2)).to(dtype)
        input_gate, forget_gate, candidate, output_gate = total.chunk(4, 2)
        remembered = forget_gate.sigmoid() * cell_state
        moved = remembered + input_gate.sigmoid() * candidate.tanh()
        cell_state = moved.where(inside[:, time], 0)
        state = (output_gate.sigmoid() * cell_state.tanh()).to(inputs.dtype)
        outputs.append(state)
    return torch.stack(outputs, 1)
