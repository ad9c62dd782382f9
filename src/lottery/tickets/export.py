"""From a trained network and its mask to what a ticket's file contains.

Words without an embedding, and filters without a weight or without influence, are left out.
"""

import runpy
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lottery.errors import brief
from lottery.storage.token_arrays import PAD, UNK
from lottery.tickets import compressed_rows
from lottery.tickets.architectures import CNN, LSTM, Architecture
from lottery.tickets.compressed_rows import SparseMatrix
from lottery.tickets.format import Contents, Unsuitable
from lottery.tickets.header import EMBEDDING, Header

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Network:
    """A trained network, by the names of its parameters in :mod:`lottery.models`."""

    model: str
    """``cnn`` or ``lstm``."""
    options: Mapping[str, Any]
    """``models.<model>.options``."""
    weights: Arrays
    """float32."""
    masks: Arrays
    """bool: which weights remain. That of the embedding's padding row is False."""
    words: Sequence[str]
    """Of each row of the embedding; ``<unk>`` and ``<pad>`` come first."""
    classes: Sequence[str]
    tokenizer: str
    max_tokens: int | None
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Parts:
    """A network without its embedding."""

    model: Architecture
    matrices: dict[str, SparseMatrix]
    vectors: dict[str, np.ndarray]


def contents(network: Network, values: str) -> Contents:
    """The network as a ticket, whose ``values`` are stored as float32, float16 or int8.

    Its logits are the network's to rounding. Raises Unsuitable for another model.
    """
    if network.model not in _BUILDERS:
        models = " or ".join(_BUILDERS)
        raise Unsuitable(f"the model of a ticket is {models}, not {brief(network.model)}")
    words, embedding = _embedding(network)
    parts = _BUILDERS[network.model](network, embedding.shape[1])
    matrices = {EMBEDDING: embedding, **parts.matrices}
    header = Header(
        model=parts.model,
        classes=tuple(network.classes),
        tokenizer=network.tokenizer,
        max_tokens=network.max_tokens,
        values=values,
        words=len(words),
        entries={name: len(matrix.values) for name, matrix in matrices.items()},
        weights={name: _counts(name, mask) for name, mask in network.masks.items()},
        provenance=dict(network.provenance),
    )
    return Contents(header, words, matrices, parts.vectors)


def _counts(name: str, mask: np.ndarray) -> dict[str, int]:
    padding = mask.shape[1] if name == EMBEDDING else 0
    return {"weights": mask.size - padding, "remaining": int(mask.sum())}


def _embedding(network: Network) -> tuple[list[str], SparseMatrix]:
    """The words that stay, sorted, and their rows behind that of ``<unk>``."""
    weights, mask = network.weights[EMBEDDING], network.masks[EMBEDDING].copy()
    if not weights[UNK].any():
        # Then a word without an embedding is the same as a word that is not in the vocabulary.
        mask[UNK] = False
        rows = [row for row in np.flatnonzero(mask.any(1)).tolist() if row not in (UNK, PAD)]
    else:
        rows = [row for row in range(len(mask)) if row not in (UNK, PAD)]
    rows.sort(key=lambda row: network.words[row].encode())
    order = [UNK, *rows]
    words = [network.words[row] for row in rows]
    return words, compressed_rows.from_dense(weights[order], mask[order])


def _cnn(network: Network, dim: int) -> _Parts:
    weights, masks = network.weights, network.masks
    output, output_mask = weights["output_weight"], masks["output_weight"]
    bias = weights["output_bias"].astype(np.float64)
    matrices, vectors, remaining = {}, {}, []
    widths = tuple(network.options["widths"])
    for number, width in enumerate(widths):
        name = f"conv{width}"
        count = len(weights[f"{name}_bias"])
        columns = np.arange(number * count, (number + 1) * count)
        mask = masks[f"{name}_weight"].reshape(count, -1)
        has_weights = mask.any(1)
        # Without any, a filter's maximum is zero for every document, and its feature a constant.
        constants = np.where(has_weights, 0, np.maximum(weights[f"{name}_bias"], 0))
        bias += output[:, columns] @ constants
        chosen = np.flatnonzero(has_weights & output_mask[:, columns].any(0))
        filters = weights[f"{name}_weight"].reshape(count, -1)[chosen]
        matrices[f"{name}_weight"] = compressed_rows.from_dense(filters, mask[chosen])
        vectors[f"{name}_bias"] = weights[f"{name}_bias"][chosen]
        remaining.append(columns[chosen])
    chosen = np.concatenate(remaining)
    last = compressed_rows.from_dense(output[:, chosen], output_mask[:, chosen])
    vectors["output_bias"] = bias.astype(np.float32)
    model = CNN(dim, widths, tuple(map(len, remaining)))
    return _Parts(model, {**matrices, "output_weight": last}, vectors)


def _lstm(network: Network, dim: int) -> _Parts:
    weights, masks = network.weights, network.masks
    model = LSTM(dim, network.options["hidden"], network.options["layers"])
    names = [*model.matrices(), "output_weight"]
    matrices = {name: compressed_rows.from_dense(weights[name], masks[name]) for name in names}
    vectors = {
        f"bias_{name}": weights[f"bias_ih_{name}"] + weights[f"bias_hh_{name}"]
        for name in model.names()
    }
    return _Parts(model, matrices, {**vectors, "output_bias": weights["output_bias"]})


_BUILDERS = {"cnn": _cnn, "lstm": _lstm}


def main() -> None:
    """The command ``python -m lottery.tickets.export``, or ``lottery-export``.

    It reads trained runs, which is the work of a room above this one: here is only its name.
    """
    try:
        runpy.run_module("lottery.pipeline.export", run_name="__main__", alter_sys=True)
    except ModuleNotFoundError as error:
        if (error.name or "lottery").startswith("lottery"):
            raise
        sys.exit(
            f"error: the package {error.name} is not installed. Exporting reads trained networks, "
            "which needs the others of the pipeline: pip install '.[pipeline]' in its folder"
        )


if __name__ == "__main__":
    main()
