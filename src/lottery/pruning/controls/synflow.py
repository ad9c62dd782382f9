"""Pruned before training, and without data, by what flows (Tanaka et al. 2020, section 6).

``|weight * derivative|`` of the flow through the absolute weights, over all tensors together, in
100 steps of one ratio, to as many weights as the ticket keeps. Biases keep the ticket's mask.
"""

import torch

from lottery.pruning import masks
from lottery.pruning.control import Control, NotForThisModelError, Ticket
from lottery.pruning.masks import RemovedAt
from lottery.pruning.strategy import Start

STEPS = 100


def _make(ticket: Ticket) -> tuple[RemovedAt, Start]:
    if ticket.flow is None:
        raise NotForThisModelError("synflow needs a flow, which this model does not define")
    if not ticket.weights:
        raise NotForThisModelError("synflow prunes no biases, and prune.parameters has no more")
    init, names = ticket.dense.init, sorted(ticket.weights)
    counts = masks.counts({name: ticket.removed_at[name] for name in names}, ticket.level)
    total = sum(size for _, size in counts.values())
    kept = sum(alive for alive, _ in counts.values())
    values = {name: value.double().abs() for name, value in init.items()}
    record = ticket.removed_at
    for step in range(1, STEPS + 1):
        own = {name: value.requires_grad_(name in ticket.weights) for name, value in values.items()}
        found = torch.autograd.grad(ticket.flow(own), [own[name] for name in names])
        scores = {name: own[name].detach() * flow for name, flow in zip(names, found, strict=True)}
        enough = round(total * (kept / total) ** (step / STEPS))
        record = masks.largest(scores, ticket.removed_at, ticket.level, [names], enough)
        values = {
            name: value.detach() * (record[name] > ticket.level) for name, value in values.items()
        }
    return record, Start(init, 0)


CONTROL = Control(_make)
