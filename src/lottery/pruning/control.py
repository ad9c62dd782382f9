"""What a control is: one training beside the winning ticket, with another mask or another start.

One module per control under ``controls/``, each with one function ``make(ticket)``. It returns the
``pruned_at`` to train with at the ticket's level, and the start to train from. It raises
NotForThisModelError where the control makes no sense.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch

from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Dense, Start, Weights


@dataclass(frozen=True)
class Ticket:
    """What a control is made from: the winning ticket of one seed at one level."""

    level: int
    pruned_at: PrunedAt
    """Of the ticket's pruning run: a weight remains where ``pruned_at > level``."""
    dense: Dense
    prunable: Collection[str]
    """The names of the parameters that are pruned."""
    rankings: Sequence[list[str]]
    """The names of those prunable parameters that are not biases, in alphabetical order. Those in
    one list are ranked together by a control that ranks all: the output layer is by itself where
    ``prune.output`` sets it apart, so that as much of it remains as in the ticket."""
    drawn: Mapping[str, torch.Tensor]
    """Bool, of the parameters' shapes: True where the initializer draws at random. Elsewhere every
    draw has the same values."""
    generator: Callable[[str], torch.Generator]
    """A random generator for a purpose, at this seed and level."""
    gradients: Callable[[Weights], Weights]
    """The gradients of the mean loss over the training set, without dropout, at some weights."""
    flow: Callable[[Weights], torch.Tensor] | None
    """The model's ``flow`` at some weights, a scalar; None if the model has no such method."""
    note: Callable[[str], object] = lambda text: None
    """Tells the user something about the mask, in one line."""


class NotForThisModelError(Exception):
    """A control that makes no sense for this model, or for the parameters that are pruned."""


Control = Callable[[Ticket], tuple[PrunedAt, Start]]
