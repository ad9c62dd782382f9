"""A control keeps something of the winning ticket and changes the rest, to show what matters.

One module a control under ``controls/``, each with one :class:`Control` named ``CONTROL``. A
control is one training, of the record that it makes, from the state that it gives.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch

from lottery.pruning.masks import RemovedAt
from lottery.pruning.strategy import Dense, Start, Weights


@dataclass(frozen=True)
class Ticket:
    """What a control departs from: the winning ticket of one seed at one level."""

    level: int
    removed_at: RemovedAt
    """The record of its chain: ``removed_at > level`` is alive."""
    dense: Dense
    prunable: Collection[str]
    """The names of the parameters that are pruned."""
    weights: Collection[str]
    """Those of them that are no biases."""
    generator: Callable[[str], torch.Generator]
    """A generator for a purpose, of this seed and level."""
    gradients: Callable[[Weights], Weights]
    """Of the mean training loss at the given weights, over one batch, without dropout."""
    flow: Callable[[Weights], torch.Tensor] | None
    """What flows through the network of the given weights, a scalar; None where no model says."""


class NotForThisModelError(Exception):
    """A control that has no meaning for this model, or for what of it is pruned."""


@dataclass(frozen=True)
class Control:
    """``make`` gives the record to train at the ticket's level, and the state it trains from.

    Raises NotForThisModelError where there is none.
    """

    make: Callable[[Ticket], tuple[RemovedAt, Start]]
