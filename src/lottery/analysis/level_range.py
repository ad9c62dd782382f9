"""Which levels are compared, by their sparsity, because profiles prune at different rates."""

from typing import Literal, NamedTuple

import pandas as pd

NEAR = 0.02
"""A level that is further from ``nearest`` than this, as a fraction, does not stand for it."""


class LevelRange(NamedTuple):
    """A rule that picks levels; sparsities are fractions."""

    rule: Literal["range", "at_least", "nearest", "ticket"]
    """``range``: all from ``low`` to ``high``. ``at_least``: the first of at least ``low``.
    ``nearest``: the one nearest ``low``, if it is no more than :data:`NEAR` away. ``ticket``: each
    seed's own ticket, which no sparsity picks."""
    low: float = 0.0
    high: float = 1.0

    def __str__(self) -> str:
        """The rule as tables have it: "0.5 to 0.9", "first from 0.36", "nearest 0.8"."""
        return {
            "range": f"{self.low:g} to {self.high:g}",
            "at_least": f"first from {self.low:g}",
            "nearest": f"nearest {self.low:g}",
            "ticket": "ticket of each seed",
        }[self.rule]

    def choose(self, sparsity: pd.Series) -> list[int]:
        """The levels that the rule picks from ``sparsity``, by level; none if there are none.

        Sparsity counts to a tenth of a percent: each tensor is pruned down to a whole number of
        weights, so two levels of 20 % are 35.9998 % and not 36.
        """
        rounded = sparsity.sort_index().round(3)
        if self.rule == "range":
            return list(rounded.index[rounded.between(self.low, self.high)])
        if self.rule == "at_least":
            return list(rounded.index[rounded >= self.low][:1])
        distance = (rounded - self.low).abs().round(3)
        is_near = len(distance) and distance.min() <= NEAR
        return [int(distance.idxmin())] if is_near else []
