"""A winning ticket of one corpus, trained on another.

Where the target is read with the source's words (``transfer.vocabulary: source``), every word is in
both vocabularies, and masks and weights apply as they are: reading it so is all that differs from a
target with words of its own, and it happens before anything is trained (the stage tokenize).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lottery.experiment.replicate import DenseRun, Level, Replicate
from lottery.models import EMBEDDING
from lottery.pruning import transfer
from lottery.pruning.masks import PrunedAt
from lottery.pruning.transfer import NONE, TransferredArm, TransferredTicket
from lottery.training import rng


@dataclass(frozen=True)
class TicketRun:
    """The winning ticket's pruning run of one seed, and the dense run that it began with."""

    dense: DenseRun
    pruned_at: PrunedAt


def rows_of(source: Sequence[str], target: Sequence[str]) -> torch.Tensor:
    """The row of the source's embedding for each word of the target: int64 ``[target words]``,
    :data:`lottery.pruning.transfer.NONE` for a word that the source does not have."""
    row_of = {word: row for row, word in enumerate(source)}
    return torch.tensor([row_of.get(word, NONE) for word in target])


def train(
    replicate: Replicate,
    arm: TransferredArm,
    source: TicketRun,
    target: TicketRun,
    rows: torch.Tensor,
    level: int,
) -> Level:
    """The source's ticket at ``level``, trained on the documents of ``replicate``, the target's.

    ``rows`` comes from :func:`rows_of`. Raises Diverged.
    """
    generator = rng.torch_generator(replicate.seed, "transfer", level)
    pruned_at = transfer.pruned_at(
        source.pruned_at, target.pruned_at, rows, EMBEDDING, level, generator
    )
    ticket = TransferredTicket(
        level=level,
        pruned_at=pruned_at,
        source=replicate.start_from(_carried(source.dense, target.dense, rows)),
        target=replicate.start_from(target.dense),
    )
    arm_pruned_at, start = arm(ticket)
    return replicate.train_level(start, arm_pruned_at, level)


def _carried(source: DenseRun, target: DenseRun, rows: torch.Tensor) -> DenseRun:
    """The source's dense run with weights of the target's network."""
    init, rewind, final, last = (
        transfer.weights(weights, target.init, rows, EMBEDDING)
        for weights in (source.init, source.rewind, source.final, source.last)
    )
    return DenseRun(init, rewind, final, last, history=[])
