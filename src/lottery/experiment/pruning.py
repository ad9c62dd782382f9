"""What of a network its pruning runs prune, at which rate, and for how many levels."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fractions import Fraction
from typing import TYPE_CHECKING

from lottery import models
from lottery.errors import LotteryError
from lottery.pruning import masks
from lottery.pruning import rates as pruning_rates
from lottery.pruning.masks import PrunedAt

if TYPE_CHECKING:  # the schema needs pydantic
    from lottery.config.schema import Prune


def prunable(names: Iterable[str], kinds: Collection[str]) -> set[str]:
    """Those of the parameters ``names`` that ``prune.parameters`` means."""
    return {name for name in names if models.kind(name) in kinds}


def rates(names: Iterable[str], prune: Prune, output_layer: Collection[str]) -> dict[str, Fraction]:
    """The rate of each of the parameters ``names`` that is pruned. ``output_layer`` is the model's
    (:func:`lottery.models.output_layer`)."""
    chosen = sorted(prunable(names, prune.parameters))
    return pruning_rates.of_parameters(chosen, prune.rate, output_layer, prune.output)


def rankings(
    names: Collection[str], prune: Prune, output_layer: Collection[str]
) -> list[list[str]]:
    """``names`` as a control ranks them that ranks all together: in one list, or the output layer
    in another if ``prune.output`` sets it apart; each in alphabetical order, none empty."""
    apart = set() if prune.output == "rate" else set(output_layer).intersection(names)
    return [sorted(group) for group in (set(names) - apart, apart) if group]


def levels(pruned_at: PrunedAt, prune: Prune, output_layer: Collection[str]) -> int:
    """How many levels a pruning run has: ``prune.levels``, or as many as ``prune.until`` needs.

    ``pruned_at`` is that of the dense network. Raises LotteryError if no number of levels is
    enough.
    """
    if prune.levels is not None:
        return prune.levels
    assert prune.until is not None  # one of the two is set: params.yaml is checked
    sizes = {name: size for name, (_, size) in masks.counts(pruned_at, 0).items()}
    shares = rates(sizes, prune, output_layer)
    shrinking = {name: sizes[name] for name in shares}
    fixed = sum(sizes.values()) - sum(shrinking.values())
    try:
        return pruning_rates.levels_until(shrinking, fixed, shares, prune.until, prune.scope)
    except ValueError as error:
        raise LotteryError(
            f"prune.until: {error}; lower it, or prune more (prune.parameters, prune.output)"
        ) from None
