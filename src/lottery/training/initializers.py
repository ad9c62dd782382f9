"""The initializer of the 2020 study: how every weight of a network is first drawn."""

import torch
from torch import nn

from lottery.models import EMBEDDING, Weights, kind
from lottery.storage.token_arrays import PAD, UNK


def draw(
    model: nn.Module,
    generator: torch.Generator,
    embedding_std: float,
    vectors: torch.Tensor | None = None,
    covered: torch.Tensor | None = None,
) -> Weights:
    """Fresh weights for ``model``, on the CPU, by parameter name.

    Weights are Xavier normal, ``weight_hh`` orthogonal, each drawn as one (stacked) tensor; biases
    are zero. Embedding rows are normal with standard deviation ``embedding_std``, except that
    ``<unk>`` and ``<pad>`` are zero, and that rows ``covered`` (bool ``[rows]``) by ``vectors``
    (float32 ``[rows, dim]``) are copied from there.
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


def drawn(model: nn.Module, covered: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
    """Which weights :func:`draw` draws at random: bool, on the CPU, by parameter name.

    All others are the same in every draw.
    """
    result = {}
    for name, parameter in model.named_parameters():
        result[name] = torch.full(parameter.shape, kind(name) != "biases")
        if name == EMBEDDING:
            result[name][[UNK, PAD]] = False
            if covered is not None:
                result[name][covered] = False
    return result
