"""Networks: one module per model, with ``Options`` (a frozen dataclass) and ``build``.

``build(options, rows, dim, outputs)`` returns a module whose ``forward(embeddings, indices,
lengths, dropout)`` returns logits ``[documents, outputs]``, the same for a document whatever else
is in the batch. ``embeddings`` ``[n, dim]`` are the rows of the embedding that the batch reads,
``indices`` int64 ``[documents, longest]`` each token's row among them, padded at the end,
``lengths`` int64 ``[documents]``. ``dropout``, a function of a tensor, is applied where the model
has dropout. Two classes have one logit. ``module.precision`` is the dtype that it computes in;
parameters and logits stay float32.

The names of a model's parameters have meaning: ``embedding`` is the embedding, ``bias`` in a name
makes it a bias (:func:`kind`), ``weight_hh`` is drawn orthogonal (``training/initializers.py``).
``module.output_layer`` is a tuple of the names of the last layer's parameters, which
``prune.output`` may set apart. A method ``flow(weights)`` lets the control ``synflow`` prune the
model.
"""

from collections.abc import Callable

import torch
from torch import nn

from lottery.errors import LotteryError

EMBEDDING = "embedding"
Weights = dict[str, torch.Tensor]
Dropout = Callable[[torch.Tensor], torch.Tensor]


def outputs(classes: int) -> int:
    """Logits per document: one for two classes (BCE), else one per class (cross-entropy)."""
    return 1 if classes == 2 else classes


def kind(name: str) -> str:
    """The kind of parameter that ``prune.parameters`` names: embedding, weights or biases."""
    if name == EMBEDDING:
        return "embedding"
    return "biases" if "bias" in name else "weights"


def output_layer(model: nn.Module) -> tuple[str, ...]:
    """The names of the parameters of the model's output layer.

    Raises LotteryError if its module does not say.
    """
    names: tuple[str, ...] | None = getattr(model, "output_layer", None)
    if names is None:
        raise LotteryError(
            f"{type(model).__module__}: the network has no 'output_layer'; add a tuple with the "
            "names of the parameters of its last layer"
        )
    return names
