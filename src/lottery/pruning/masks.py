"""Magnitude pruning, and ``pruned_at``: the level at which each weight was pruned.

``pruned_at`` has one uint8 tensor per parameter. 255 means never; 0 marks the padding row, which is
not a parameter. The mask of level n is ``pruned_at > n``, and never ``weight != 0``: rewound biases
and the row of ``<unk>`` are zero, and remain.
"""

from collections.abc import Collection, Mapping

import torch

from lottery.pruning import rates as pruning_rates
from lottery.pruning.rates import MAX_LEVEL, Rates

NEVER = MAX_LEVEL + 1
PrunedAt = dict[str, torch.Tensor]
Tensors = Mapping[str, torch.Tensor]


def dense(weights: Tensors, embedding: str, padding_row: int) -> PrunedAt:
    """``pruned_at`` of the dense network: all weights remain but ``padding_row`` of ``embedding``.

    On the weights' devices.
    """
    pruned_at = {
        name: torch.full(weight.shape, NEVER, dtype=torch.uint8, device=weight.device)
        for name, weight in weights.items()
    }
    pruned_at[embedding][padding_row] = 0
    return pruned_at


def at_level(pruned_at: Tensors, level: int) -> dict[str, torch.Tensor]:
    """The masks of ``level``: bool, of the parameters' shapes, True where a weight remains."""
    return {name: levels > level for name, levels in pruned_at.items()}


def prune(
    weights: Tensors,
    pruned_at: Tensors,
    level: int,
    rates: Rates,
    scope: str,
) -> PrunedAt:
    """A new ``pruned_at``, in which ``level`` has pruned the smallest magnitudes that remained.

    ``weights`` are the trained weights of ``level - 1``. In each of the rankings that ``rates`` and
    ``scope`` make (:mod:`lottery.pruning.rates`), ``floor(rate * remaining)`` of the remaining ones
    are pruned. Ties go by index, and between tensors by name (Frankle and Carbin 2019, section 1,
    step 3).
    Raises ValueError for a level out of range or for weights that are not finite.
    """
    if not 1 <= level <= MAX_LEVEL:
        raise ValueError(f"level {level} is not between 1 and {MAX_LEVEL}")
    for name in sorted(rates):
        if not torch.isfinite(weights[name]).all():
            raise ValueError(f"the trained weights of {name} are not finite at level {level - 1}")
    result = {name: levels.clone() for name, levels in pruned_at.items()}
    for group in pruning_rates.rankings(rates, scope):
        levels = torch.cat([result[name].flatten() for name in group])
        magnitudes = torch.cat([weights[name].detach().abs().flatten() for name in group])
        remaining = (levels > level - 1).nonzero().squeeze(1)
        count = pruning_rates.to_prune(rates[group[0]], len(remaining))
        levels[remaining[smallest(magnitudes[remaining], count)]] = level
        _split_into(result, group, levels)
    return result


def largest(
    scores: Tensors,
    pruned_at: Tensors,
    level: int,
    groups: Collection[list[str]],
    count: int | None = None,
    generator: torch.Generator | None = None,
) -> PrunedAt:
    """A new ``pruned_at``, from dense to ``level`` at once, in which the largest ``scores`` remain.

    In each group of tensors as many weights remain as in ``pruned_at`` at that level, or ``count``
    of them. Of equal scores, those with the highest index remain, or, with a ``generator``, those
    that it draws. Tensors in no group are as in ``pruned_at``.
    Raises ValueError for a score that is not finite.
    """
    result = {name: levels.clone() for name, levels in pruned_at.items()}
    for group in groups:
        if not all(torch.isfinite(scores[name]).all() for name in group):
            raise ValueError(f"a score of {', '.join(group)} is not finite")
        levels = torch.cat([result[name].flatten() for name in group])
        magnitudes = torch.cat([scores[name].detach().abs().flatten() for name in group])
        weights = (levels > 0).nonzero().squeeze(1)
        if generator is not None:
            weights = weights[torch.randperm(len(weights), generator=generator)]
        remaining = int((levels > level).sum()) if count is None else count
        levels[weights] = NEVER
        levels[weights[smallest(magnitudes[weights], len(weights) - remaining)]] = level
        _split_into(result, group, levels)
    return result


def _split_into(pruned_at: PrunedAt, group: list[str], levels: torch.Tensor) -> None:
    """Put the flat ``levels`` of a group's tensors, one after the other, back in their shapes."""
    sizes = [pruned_at[name].numel() for name in group]
    for name, part in zip(group, levels.split(sizes), strict=True):
        pruned_at[name] = part.view(pruned_at[name].shape)


def shuffled(pruned_at: Tensors, level: int, generator: torch.Generator) -> PrunedAt:
    """As many weights remaining at ``level`` in each tensor, at positions drawn at random."""
    result = {}
    for name in sorted(pruned_at):
        levels = pruned_at[name].flatten().clone()
        weights = (levels > 0).nonzero().squeeze(1)
        order = weights[torch.randperm(len(weights), generator=generator)]
        remaining = int((levels > level).sum())
        levels[order[:remaining]] = NEVER
        levels[order[remaining:]] = level
        result[name] = levels.view(pruned_at[name].shape)
    return {name: result[name] for name in pruned_at}


def smallest(values: torch.Tensor, count: int) -> torch.Tensor:
    """The indices of the ``count`` smallest of ``values`` (1-D), int64 in rising order, ties by
    index.

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


def counts(pruned_at: Tensors, level: int) -> dict[str, tuple[int, int]]:
    """For each parameter: weights remaining at ``level``, and weights in all (padding apart)."""
    return {
        name: (int((levels > level).sum()), int((levels > 0).sum()))
        for name, levels in pruned_at.items()
    }


def last_level(pruned_at: Tensors) -> int:
    """The last level of the pruning run that left ``pruned_at``; 0 for a dense network."""
    return max(int(torch.where(levels < NEVER, levels, 0).max()) for levels in pruned_at.values())


def sparsity(pruned_at: Tensors, level: int) -> float:
    """The fraction of all weights, prunable or not, that are pruned at ``level``."""
    pairs = counts(pruned_at, level).values()
    return 1 - sum(remaining for remaining, _ in pairs) / sum(size for _, size in pairs)


def survivors(weights: Tensors, pruned_at: Tensors, level: int) -> dict[str, torch.Tensor]:
    """The values that remain at ``level``, one flat tensor per parameter."""
    return {name: weights[name][mask] for name, mask in at_level(pruned_at, level).items()}


def restore(values: Tensors, pruned_at: Tensors, level: int) -> dict[str, torch.Tensor]:
    """The inverse of :func:`survivors`: full tensors, zero where pruned.

    Raises ValueError if the values do not fit ``pruned_at``.
    """
    if extra := sorted(values.keys() - pruned_at.keys()):
        raise ValueError(f"the remaining weights of {extra[0]} have no mask")
    restored = {}
    for name, mask in at_level(pruned_at, level).items():
        if name not in values or values[name].shape != (int(mask.sum()),):
            raise ValueError(f"the remaining weights of {name} do not fit their mask")
        weight = values[name].new_zeros(mask.shape)
        weight[mask] = values[name]
        restored[name] = weight
    return restored
