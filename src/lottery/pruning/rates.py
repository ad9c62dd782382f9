"""How much of each tensor a level prunes, and which tensors are ranked together."""

import math
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction

MAX_LEVEL = 254
"""Levels are stored in a byte, in which 255 means never pruned."""
OUTPUT = {"rate": Fraction(1), "half": Fraction(1, 2), "whole": Fraction(0)}
"""What ``prune.output`` makes of the rate in the output layer. Frankle and Carbin (2019) prune
connections to the output at half the rate: so small a layer becomes a bottleneck."""
Rates = Mapping[str, float | Fraction]
"""For each parameter that is pruned, the share of its remaining weights that a level prunes."""


def of_parameters(
    names: Iterable[str], rate: float, output_layer: Collection[str], output: str
) -> dict[str, Fraction]:
    """The rates of the parameters ``names``, exact in decimals; ``output`` is a key of
    :data:`OUTPUT`, for those of ``output_layer``."""
    exact = Fraction(str(rate))
    return {name: exact * OUTPUT[output] if name in output_layer else exact for name in names}


def to_prune(rate: float | Fraction, remaining: int) -> int:
    """``floor(rate * remaining)``, exact in decimals: 0.29 of 100 is 29, where floats say 28."""
    return math.floor(Fraction(str(rate)) * remaining)


def rankings(rates: Rates, scope: str) -> list[list[str]]:
    """The names of the tensors that are ranked together, in alphabetical order.

    Each by itself (``scope`` ``local``), or all that have one rate (``global``).
    """
    names = sorted(rates)
    if scope == "local":
        return [[name] for name in names]
    together: dict[float | Fraction, list[str]] = {}
    for name in names:
        together.setdefault(rates[name], []).append(name)
    return list(together.values())


def levels_until(
    sizes: Mapping[str, int], fixed: int, rates: Rates, until: float, scope: str
) -> int:
    """The first level whose sparsity is at least ``until``.

    ``sizes`` are the prunable parameters', ``fixed`` counts the weights that are never pruned.
    Follows the recurrence of :func:`lottery.pruning.masks.prune`, so small tensors that cannot
    shrink are accounted for. Raises ValueError if no level reaches it.
    """
    groups = rankings(rates, scope)
    remaining = [(rates[group[0]], sum(sizes[name] for name in group)) for group in groups]
    prunable = sum(sizes.values())
    enough = Fraction(str(until)) * (prunable + fixed)
    for level in range(1, MAX_LEVEL + 1):
        remaining = [(rate, count - to_prune(rate, count)) for rate, count in remaining]
        if prunable - sum(count for _, count in remaining) >= enough:
            return level
    highest = float(max(rates.values()))
    raise ValueError(f"pruning {highest} per level never reaches a sparsity of {until}")


def levels_until_at_most(sizes: Mapping[str, int], fixed: int, rates: Rates, until: float) -> int:
    """A level that :func:`levels_until` never exceeds, or :data:`MAX_LEVEL`; no rate is 0.

    Less than ``size * (1 - rate)^level + 1 / rate`` of a tensor remain: rounding down leaves less
    than one weight more per level, of which later levels prune their share.
    """
    room = (1 - until) * (fixed + sum(sizes.values())) - fixed
    for level in range(1, MAX_LEVEL):
        most = sum(
            size * (1 - float(rates[name])) ** level + 1 / float(rates[name])
            for name, size in sizes.items()
        )
        if most <= room * (1 - 1e-9):
            return level
    return MAX_LEVEL
