"""Magnitude pruning as one nested record: at which level each weight went.

``removed_at`` holds one uint8 tensor a parameter: 255 is never, 0 is not a parameter at all (the
padding row). The mask of level n is ``removed_at > n``. Alive is decided by it and never by a
weight's being zero, since rewound biases and ``<unk>`` are zero.
"""

import math
from collections.abc import Collection, Mapping
from fractions import Fraction

import torch

NEVER = 255
MAX_LEVEL = NEVER - 1
RemovedAt = dict[str, torch.Tensor]
Tensors = Mapping[str, torch.Tensor]


def dense(weights: Tensors, embedding: str, padding_row: int) -> RemovedAt:
    """The record at level 0: everything alive but ``padding_row`` of ``embedding``."""
    record = {
        name: torch.full(weight.shape, NEVER, dtype=torch.uint8, device=weight.device)
        for name, weight in weights.items()
    }
    record[embedding][padding_row] = 0
    return record


def at_level(removed_at: Tensors, level: int) -> dict[str, torch.Tensor]:
    """The masks of ``level``: bool, of the parameters' shapes."""
    return {name: record > level for name, record in removed_at.items()}


def to_remove(rate: float, alive: int) -> int:
    """``floor(rate * alive)``, exact in decimals: 0.29 of 100 is 29, where floats say 28."""
    return math.floor(Fraction(str(rate)) * alive)


def prune(
    weights: Tensors,
    removed_at: Tensors,
    level: int,
    rate: float,
    scope: str,
    names: Collection[str],
) -> RemovedAt:
    """Remove the smallest magnitudes among the weights alive at ``level - 1``.

    ``weights`` are the trained weights of that level. Per tensor (``local``) or over all tensors
    of ``names`` (``global``), :func:`to_remove` of them go, ties by index, tensors by name.
    Returns a new record; the given one is not changed. Raises ValueError for a level
    out of range or for weights that are not finite (Frankle and Carbin 2019, section 1, step 3).
    """
    if not 1 <= level <= MAX_LEVEL:
        raise ValueError(f"level {level} is not between 1 and {MAX_LEVEL}")
    prunable = sorted(name for name in weights if name in names)
    for name in prunable:
        if not torch.isfinite(weights[name]).all():
            raise ValueError(f"the trained weights of {name} are not finite at level {level - 1}")
    groups = [[name] for name in prunable] if scope == "local" else [prunable]
    pruned = {name: record.clone() for name, record in removed_at.items()}
    for group in groups:
        record = torch.cat([pruned[name].flatten() for name in group])
        magnitudes = torch.cat([weights[name].detach().abs().flatten() for name in group])
        alive = (record > level - 1).nonzero().squeeze(1)
        gone = alive[smallest(magnitudes[alive], to_remove(rate, len(alive)))]
        record[gone] = level
        sizes = [pruned[name].numel() for name in group]
        for name, part in zip(group, record.split(sizes), strict=True):
            pruned[name] = part.view(pruned[name].shape)
    return pruned


def largest(
    scores: Tensors,
    removed_at: Tensors,
    level: int,
    groups: Collection[list[str]],
    count: int | None = None,
) -> RemovedAt:
    """Straight to ``level``: in each group of tensors as many weights as ``removed_at`` keeps
    there, those of the largest magnitude in ``scores``; or ``count`` of them. Ties by index, the
    last stay. Tensors in no group keep their record. Raises ValueError for a score that is not
    finite.
    """
    pruned = {name: record.clone() for name, record in removed_at.items()}
    for group in groups:
        if not all(torch.isfinite(scores[name]).all() for name in group):
            raise ValueError(f"a score of {', '.join(group)} is not finite")
        record = torch.cat([pruned[name].flatten() for name in group])
        magnitudes = torch.cat([scores[name].detach().abs().flatten() for name in group])
        own = (record > 0).nonzero().squeeze(1)
        kept = int((record > level).sum()) if count is None else count
        record[own] = NEVER
        record[own[smallest(magnitudes[own], len(own) - kept)]] = level
        sizes = [pruned[name].numel() for name in group]
        for name, part in zip(group, record.split(sizes), strict=True):
            pruned[name] = part.view(pruned[name].shape)
    return pruned


def shuffled(removed_at: Tensors, level: int, generator: torch.Generator) -> RemovedAt:
    """As many weights alive at ``level`` in each tensor, in places that are drawn at random."""
    pruned = {}
    for name in sorted(removed_at):
        record = removed_at[name].flatten().clone()
        own = (record > 0).nonzero().squeeze(1)
        order = own[torch.randperm(len(own), generator=generator)]
        alive = int((record > level).sum())
        record[order[:alive]] = NEVER
        record[order[alive:]] = level
        pruned[name] = record.view(removed_at[name].shape)
    return {name: pruned[name] for name in removed_at}


def smallest(values: torch.Tensor, count: int) -> torch.Tensor:
    """The places of the ``count`` smallest of ``values`` (1-D), ties by place, in order.

    A selection and not a sort: the embedding has five million entries.
    """
    if count == 0:
        return values.new_empty(0, dtype=torch.long)
    threshold = values.kthvalue(count).values
    below = values < threshold
    ties = (values == threshold).nonzero().squeeze(1)
    chosen = below.clone()
    chosen[ties[: count - int(below.sum())]] = True
    return chosen.nonzero().squeeze(1)


def counts(removed_at: Tensors, level: int) -> dict[str, tuple[int, int]]:
    """For each parameter: weights alive at ``level``, and weights in all (padding apart)."""
    return {
        name: (int((record > level).sum()), int((record > 0).sum()))
        for name, record in removed_at.items()
    }


def last_level(removed_at: Tensors) -> int:
    """The last level of the chain that left this record; 0 for a dense one."""
    return max(int(torch.where(record < NEVER, record, 0).max()) for record in removed_at.values())


def sparsity(removed_at: Tensors, level: int) -> float:
    """The share of all weights, prunable or not, that are gone at ``level``."""
    pairs = counts(removed_at, level).values()
    return 1 - sum(alive for alive, _ in pairs) / sum(size for _, size in pairs)


def levels_until(
    sizes: Mapping[str, int], fixed: int, rate: float, until: float, scope: str
) -> int:
    """The first level whose sparsity is at least ``until``.

    ``sizes`` are the prunable parameters', ``fixed`` counts the weights that are never pruned.
    Follows the recurrence of :func:`prune`, so small tensors that cannot shrink are accounted
    for. Raises ValueError if no level reaches it.
    """
    alive = list(sizes.values()) if scope == "local" else [sum(sizes.values())]
    total = sum(alive) + fixed
    enough = Fraction(str(until)) * total
    for level in range(1, MAX_LEVEL + 1):
        alive = [count - to_remove(rate, count) for count in alive]
        if total - fixed - sum(alive) >= enough:
            return level
    raise ValueError(f"pruning {rate} a level never reaches a sparsity of {until}")


def survivors(weights: Tensors, removed_at: Tensors, level: int) -> dict[str, torch.Tensor]:
    """The values alive at ``level``, one flat tensor a parameter."""
    return {name: weights[name][mask] for name, mask in at_level(removed_at, level).items()}


def restore(values: Tensors, removed_at: Tensors, level: int) -> dict[str, torch.Tensor]:
    """The inverse of :func:`survivors`: full tensors, zero where pruned.

    Raises ValueError if the values do not fit the record.
    """
    if extra := sorted(values.keys() - removed_at.keys()):
        raise ValueError(f"the surviving weights of {extra[0]} have no mask")
    restored = {}
    for name, mask in at_level(removed_at, level).items():
        if name not in values or values[name].shape != (int(mask.sum()),):
            raise ValueError(f"the surviving weights of {name} do not fit their mask")
        weight = values[name].new_zeros(mask.shape)
        weight[mask] = values[name]
        restored[name] = weight
    return restored
