"""The forward pass of many networks at once: one module per model, with the model's name.

``forward(model, weights, batch, dropout)`` returns logits ``[networks, documents, outputs]``, those
that ``model`` returns for the documents of each network with its own of the stacked ``weights``
``[networks, ...]``. ``model`` says its sizes and its precision. A network's results do not depend
on what the others compute. The embedding's row of padding is zero.

A model without a module here is trained one network after the other.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol

import torch
from torch import nn

from lottery.errors import LotteryError
from lottery.training.lockstep.dropout import Dropout
from lottery.training.lockstep.feed import Batch


class Forward(Protocol):
    """The function ``forward`` of a module of this package."""

    def __call__(
        self, model: nn.Module, weights: Mapping[str, torch.Tensor], batch: Batch, dropout: Dropout
    ) -> torch.Tensor: ...


def supports(model: nn.Module) -> bool:
    """Whether networks like ``model`` can be trained in lockstep."""
    return find_spec(_module(model)) is not None


def forward_of(model: nn.Module) -> Forward:
    """The forward pass of many networks like ``model``. Raises LotteryError if there is none."""
    if not supports(model):
        raise LotteryError(f"{type(model).__module__}: this model cannot be trained in lockstep")
    forward: Forward = import_module(_module(model)).forward
    return forward


def _module(model: nn.Module) -> str:
    return f"{__name__}.{type(model).__module__.rpartition('.')[2]}"
