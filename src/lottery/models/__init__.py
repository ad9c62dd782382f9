"""Networks: one module a model, with ``Options`` (a frozen dataclass) and ``build``.

``build(options, rows, dim, outputs)`` gives a module whose ``forward(words, places, lengths,
dropout)`` makes logits ``[documents, outputs]``, the same for a document whatever else is in the
batch. ``words`` ``[n, dim]`` are rows of the embedding, ``places`` int64 ``[documents, longest]``
each token's row among them, padded behind, ``lengths`` int64 ``[documents]``. ``dropout`` is
applied where the model has dropout: a function of a tensor. Two classes have one logit.
``module.precision`` is the dtype that it computes in; parameters and logits stay float32.
"""

from collections.abc import Callable

import torch
from torch import nn

from lottery.batches import PAD, UNK

EMBEDDING = "embedding"
Weights = dict[str, torch.Tensor]
Dropout = Callable[[torch.Tensor], torch.Tensor]


def outputs(classes: int) -> int:
    """Logits a document: one for two classes (BCE), else one a class (cross-entropy)."""
    return 1 if classes == 2 else classes


def kind(name: str) -> str:
    """The kind of parameter that ``prune.parameters`` names: embedding, weights or biases."""
    if name == EMBEDDING:
        return "embedding"
    return "biases" if "bias" in name else "weights"


def draw(
    model: nn.Module,
    generator: torch.Generator,
    embedding_std: float,
    vectors: torch.Tensor | None = None,
    covered: torch.Tensor | None = None,
) -> Weights:
    """Fresh weights of ``model``, on the CPU, by the study's initialiser.

    Xavier normal, orthogonal for ``weight_hh``, each on the whole (stacked) tensor; zero biases;
    embedding rows normal with ``embedding_std``, ``<unk>`` and ``<pad>`` zero. Rows of ``vectors``
    (float32 ``[rows, dim]``) that are ``covered`` (bool ``[rows]``) are not random and are copied.
    """
    weights: Weights = {}
    for name, parameter in model.named_parameters():
        value = torch.zeros(parameter.shape)
        if name == EMBEDDING:
            value.normal_(0, embedding_std, generator=generator)
            value[[UNK, PAD]] = 0
            if vectors is not None and covered is not None:
                value[covered] = vectors[covered]
        elif "weight_hh" in name:
            nn.init.orthogonal_(value, generator=generator)
        elif kind(name) == "weights":
            nn.init.xavier_normal_(value, generator=generator)
        weights[name] = value
    return weights
