"""Small pruned networks as tickets, beside the PyTorch module that they come from."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from helpers import MODELS
from torch import nn

from lottery import models
from lottery.models import EMBEDDING
from lottery.storage.token_arrays import PAD
from lottery.tickets import export, format
from lottery.tickets.export import Network
from lottery.training import dropout, optimizers

WORDS = ["<unk>", "<pad>", *(f"w{number}" for number in range(28))]
DIM = 6


class Pair(NamedTuple):
    """A network in training's code, and as what a ticket is made from."""

    module: nn.Module
    network: Network


def make(
    model: str, classes: int = 3, density: float = 0.5, seed: int = 0, unknown: bool = True
) -> Pair:
    """A network of random weights of which about ``density`` remain, the padding row none.

    With ``unknown`` the row of ``<unk>`` is like the others, else it is zero.
    """
    module, options = MODELS[model]
    built: nn.Module = module.build(options, len(WORDS), DIM, models.outputs(classes))
    generator = torch.Generator().manual_seed(seed)
    weights, masks = {}, {}
    for name, parameter in built.named_parameters():
        mask = torch.rand(parameter.shape, generator=generator) < density
        if name == EMBEDDING:
            mask[PAD] = False
            mask[0] &= unknown
            mask[5] = False  # a word that is pruned altogether
        value = torch.randn(parameter.shape, generator=generator) * mask
        parameter.data.copy_(value)
        weights[name], masks[name] = value.numpy(), mask.numpy()
    network = Network(
        model=model,
        options=vars(options),
        weights=weights,
        masks=masks,
        words=WORDS,
        classes=[f"class {number}" for number in range(classes)],
        tokenizer="basic_english",
        max_tokens=None,
        provenance={"corpus": "made up"},
    )
    return Pair(built, network)


def to_bytes(network: Network, values: str = "float32") -> bytes:
    """The file."""
    return format.to_bytes(export.contents(network, values))


def logits(module: nn.Module, documents: Sequence[Sequence[int]]) -> Any:
    """PyTorch's logits of documents of ids, one by one."""
    rows = []
    for document in documents:
        tokens = torch.tensor([list(document)])
        embeddings = optimizers.embeddings(getattr(module, EMBEDDING), tokens)
        with torch.no_grad():
            rows.append(module(*embeddings, torch.tensor([len(document)]), dropout.none)[0])
    return torch.stack(rows).numpy()


def random_documents(count: int, longest: int, seed: int = 0) -> list[list[int]]:
    """Ids without that of padding."""
    random = np.random.default_rng(seed)
    choices = [number for number in range(len(WORDS)) if number != PAD]
    return [random.choice(choices, random.integers(1, longest + 1)).tolist() for _ in range(count)]
