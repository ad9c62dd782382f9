"""Pruned before training by connection sensitivity (Lee, Ajanthan and Torr 2019, section 4.1).

``|gradient * weight|`` of the initial weights on one batch, over all tensors together, to as many
weights as the ticket keeps. Biases start at zero, where they have none, and keep the ticket's mask.
"""

from lottery.pruning import masks
from lottery.pruning.control import Control, NotForThisModelError, Ticket
from lottery.pruning.masks import RemovedAt
from lottery.pruning.strategy import Start


def _make(ticket: Ticket) -> tuple[RemovedAt, Start]:
    if not ticket.weights:
        raise NotForThisModelError("snip prunes no biases, and prune.parameters has no more")
    init = ticket.dense.init
    gradients = ticket.gradients(init)
    scores = {name: gradients[name] * init[name] for name in ticket.weights}
    groups = [sorted(ticket.weights)]
    record = masks.largest(scores, ticket.removed_at, ticket.level, groups)
    return record, Start(init, 0)


CONTROL = Control(_make)
