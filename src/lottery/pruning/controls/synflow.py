"""Pruned before training, without data, by synaptic flow (Tanaka et al. 2020, section 6).

Weights are ranked over all tensors together (but see ``prune.output``) by ``|weight * derivative|``
of the flow through the absolute weights. 100 steps, each of which prunes the same share, lead to as
many weights as in the ticket. The mask of the biases is the ticket's.
"""

import torch

from lottery.pruning import masks
from lottery.pruning.control import NotForThisModelError, Ticket
from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Start

STEPS = 100


def make(ticket: Ticket) -> tuple[PrunedAt, Start]:
    """The largest flows, from the initial weights."""
    if ticket.flow is None:
        raise NotForThisModelError("synflow needs a method 'flow', which this model lacks")
    if not ticket.rankings:
        raise NotForThisModelError("synflow prunes no biases, but prune.parameters has only them")
    init, names = ticket.dense.init, [name for group in ticket.rankings for name in group]
    values = {name: value.double().abs() for name, value in init.items()}
    pruned_at = ticket.pruned_at
    for step in range(1, STEPS + 1):
        weights = {name: value.requires_grad_(name in names) for name, value in values.items()}
        derivatives = torch.autograd.grad(ticket.flow(weights), [weights[name] for name in names])
        scores = {
            name: weights[name].detach() * derivative
            for name, derivative in zip(names, derivatives, strict=True)
        }
        pruned_at = ticket.pruned_at
        for group in ticket.rankings:
            remaining = _remaining(ticket, group, step / STEPS)
            pruned_at = masks.largest(scores, pruned_at, ticket.level, [group], remaining)
        values = {
            name: value.detach() * (pruned_at[name] > ticket.level)
            for name, value in values.items()
        }
    return pruned_at, Start(init, 0)


def _remaining(ticket: Ticket, group: list[str], share: float) -> int:
    """How many weights of ``group`` remain after a ``share`` of the steps, on the way from all to
    as many as the ticket has."""
    counts = masks.counts({name: ticket.pruned_at[name] for name in group}, ticket.level)
    total = sum(size for _, size in counts.values())
    target = sum(remaining for remaining, _ in counts.values())
    return round(total * (target / total) ** share)
