"""What a transferred arm is: a winning ticket of one corpus, on the network of another.

One module per arm under ``transfers/``, each with one function ``make(ticket)``. It returns the
``pruned_at`` to train with at the ticket's level, and the start to train from.

Two networks of one model differ in two tensors at most: in the embedding, which has a row per word,
and in the output layer, if one corpus has more classes than the other. :func:`weights` and
:func:`pruned_at` carry the source's over to the target's network. Both are pure functions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import torch

from lottery.pruning import masks
from lottery.pruning.masks import NEVER, PrunedAt
from lottery.pruning.strategy import Dense, Start, Weights

Tensors = Mapping[str, torch.Tensor]
NONE = -1
"""In ``rows``: no row of the source's embedding."""


@dataclass(frozen=True)
class TransferredTicket:
    """What a transferred arm is made from: the source's ticket of one seed at one level, carried
    over to the target's network."""

    level: int
    pruned_at: PrunedAt
    """A weight remains where ``pruned_at > level``: :func:`pruned_at`."""
    source: Dense
    """The source's dense run; its weights are :func:`weights`."""
    target: Dense
    """The target's dense run of the same seed."""


TransferredArm = Callable[[TransferredTicket], tuple[PrunedAt, Start]]


def weights(source: Tensors, target: Tensors, rows: torch.Tensor, embedding: str) -> Weights:
    """The weights of ``source`` in the shapes of ``target``, the target's initial weights. Those
    fill in where the source has none: for words that it does not have, and in an output layer of
    another number of classes.

    ``rows``, int64 ``[words of the target]``, has the row of the source's embedding with the same
    word, or :data:`NONE`.
    """
    shared = rows != NONE
    carried = {}
    for name, values in target.items():
        if name == embedding:
            carried[name] = values.clone()
            carried[name][shared] = source[name][rows[shared]]
        else:
            carried[name] = source[name] if _fits(source, target, name) else values
    return carried


def pruned_at(
    source: Tensors,
    target: Tensors,
    rows: torch.Tensor,
    embedding: str,
    level: int,
    generator: torch.Generator,
) -> PrunedAt:
    """The ``pruned_at`` of ``source`` in the shapes of ``target``, that of the target's own winning
    ticket; for the mask of ``level`` and no other.

    Of the words that the source does not have, ``round(share * weights)`` remain, where ``share``
    is what remains of the source's embedding. In an output layer of another number of classes as
    many remain as in the target's ticket, which is the share that the level prescribes. Which ones
    is drawn at random in both. ``rows`` as in :func:`weights`.
    """
    other = {name: target[name] for name in sorted(target) if not _fits(source, target, name)}
    other.pop(embedding, None)
    carried = {**source, **masks.shuffled(other, level, generator)}
    shared = rows != NONE
    carried[embedding] = target[embedding].clone()
    carried[embedding][shared] = source[embedding][rows[shared]]
    remaining, size = masks.counts({embedding: source[embedding]}, level)[embedding]
    others = torch.full_like(target[embedding][~shared], NEVER)
    count = round(Fraction(remaining, size) * others.numel())
    scores, groups = {embedding: torch.zeros(others.shape)}, [[embedding]]
    drawn = masks.largest(scores, {embedding: others}, level, groups, count, generator)
    carried[embedding][~shared] = drawn[embedding]
    return carried


def _fits(source: Tensors, target: Tensors, name: str) -> bool:
    """Whether the tensor ``name`` has the same shape in both."""
    return source[name].shape == target[name].shape
