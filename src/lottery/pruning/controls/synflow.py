"""Pruned before training, without data, by synaptic flow (Tanaka et al. 2020, section 6).

Weights are ranked over all tensors together by ``|weight * derivative|`` of the flow through the
absolute weights. 100 steps, each of which prunes the same share, lead to as many weights as in the
ticket. The mask of the biases is the ticket's.
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
    if not ticket.weights:
        raise NotForThisModelError("synflow prunes no biases, but prune.parameters has only them")
    init, names = ticket.dense.init, sorted(ticket.weights)
    counts = masks.counts({name: ticket.pruned_at[name] for name in names}, ticket.level)
    total = sum(size for _, size in counts.values())
    target = sum(remaining for remaining, _ in counts.values())
    values = {name: value.double().abs() for name, value in init.items()}
    pruned_at = ticket.pruned_at
    for step in range(1, STEPS + 1):
        weights = {
            name: value.requires_grad_(name in ticket.weights) for name, value in values.items()
        }
        derivatives = torch.autograd.grad(ticket.flow(weights), [weights[name] for name in names])
        scores = {
            name: weights[name].detach() * derivative
            for name, derivative in zip(names, derivatives, strict=True)
        }
        remaining = round(total * (target / total) ** (step / STEPS))
        pruned_at = masks.largest(scores, ticket.pruned_at, ticket.level, [names], remaining)
        values = {
            name: value.detach() * (pruned_at[name] > ticket.level)
            for name, value in values.items()
        }
    return pruned_at, Start(init, 0)
