"""Two tables, row by row and number by number."""

import math
from typing import Any

import numpy as np
import pandas as pd

TOLERANCE, OF_SOLVED = 1e-7, 1e-5
"""Relative: the order of sums is free, and a p of 1e-12 has few digits; what a solver found has
fewer."""


class Comparison:
    """Counts what is compared, and collects what disagrees."""

    def __init__(self) -> None:
        self.compared = 0
        self.disagreements: list[str] = []

    def rows(self, table: str, ours: pd.DataFrame, keys: list[str], theirs: pd.DataFrame) -> None:
        """Compare the columns of ``ours``, row by row; ``theirs`` must have the same rows."""
        one, other = (rows.set_index(keys).sort_index() for rows in (ours, theirs))
        if list(one.index) != list(other.index):
            different = set(one.index) ^ set(other.index)
            self.disagreements.append(f"{table}: rows that only one has: {sorted(different)[:3]}")
            return
        for column in one:
            for key, a, b in zip(one.index, one[column], other[column], strict=True):
                self.values(f"{table}: {key}: {column}", a, b)

    def values(self, name: str, ours: Any, theirs: Any) -> None:
        self.compared += 1
        tolerance = OF_SOLVED if name.endswith("minimum_detectable_effect") else TOLERANCE
        if not same(ours, theirs, tolerance):
            self.disagreements.append(f"{name}: {theirs!r}, expected {ours!r}")


def same(one: Any, other: Any, tolerance: float) -> bool:
    if pd.isna(one) or pd.isna(other):
        return bool(pd.isna(one) and pd.isna(other))
    numbers = (int, float, np.number)
    if isinstance(one, numbers) and isinstance(other, numbers):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=1e-9)
    return bool(one == other)
