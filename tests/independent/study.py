"""A run's parameters, claims and tables, and what follows from its accuracies: levels, tickets."""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

CLOSE = 1e-9
"""Accuracies closer than this are equal, however floats round."""
DENSE = "dense"
Claim = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A folder with ``params.yaml``, ``claims.yaml`` and ``plots/``."""

    folder: Path

    @cached_property
    def params(self) -> dict[str, Any]:
        return yaml.safe_load((self.folder / "params.yaml").read_text())

    @cached_property
    def claims(self) -> list[Claim]:
        return yaml.safe_load((self.folder / "claims.yaml").read_text())

    @property
    def cells(self) -> dict[str, tuple[str, str]]:
        """The corpus and the model of each cell."""
        corpora, models = self.params["corpora"], self.params["models"]
        return {f"{c}-{m}": (c, m) for c in corpora for m in models}

    @property
    def strategies(self) -> list[str]:
        return self.params["strategies"]

    def arms(self, cell: str) -> list[str]:
        """Strategies, controls and, where the corpus is the target of a transfer, those arms."""
        transferred = self.params["transfer"]["arms"] if self.source(cell) else []
        return [*self.strategies, *self.params["controls"], *transferred]

    def source(self, cell: str) -> str | None:
        """The corpus whose tickets are trained in this cell."""
        pairs = self.params.get("transfer", {"pairs": []})["pairs"]
        return {pair["to"]: pair["from"] for pair in pairs}.get(self.cells[cell][0])

    @property
    def margin(self) -> float:
        return self.params["evaluate"]["margin"]

    @property
    def tolerance(self) -> float:
        return self.params["evaluate"]["tolerance"]

    def read(self, path: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / path)

    def of_arm(self, cell: str, arm: str, table: str) -> pd.DataFrame:
        return self.read(f"plots/tables/{cell}-{arm}/{table}.csv")

    @cached_property
    def levels(self) -> dict[str, dict[str, pd.DataFrame]]:
        """By cell and arm, the rows of seeds and levels; arms without any are left out."""
        every = {
            cell: {arm: self.of_arm(cell, arm, "levels") for arm in self.arms(cell)}
            for cell in self.cells
        }
        return {
            cell: {arm: rows for arm, rows in arms.items() if len(rows)}
            for cell, arms in every.items()
        }

    def dense(self, cell: str) -> pd.DataFrame:
        """The dense network's row of each seed, from any strategy that has it."""
        return self._dense[cell]

    @cached_property
    def _dense(self) -> dict[str, pd.DataFrame]:
        return {
            cell: pd.concat([rows[rows.level == 0] for rows in arms.values()])
            .drop_duplicates("seed")
            .set_index("seed")
            for cell, arms in self.levels.items()
        }

    def has_nothing_to_lose(self, cell: str) -> bool:
        """Whether dense is no more than the tolerance better than the most frequent class."""
        return beats_nothing(self.dense(cell), self.tolerance)

    def ticket_level(self, cell: str, strategy: str) -> int | None:
        """The last level before the first that fails on validation, on average over seeds."""
        if strategy not in self.levels[cell] or self.has_nothing_to_lose(cell):
            return None
        mean = self.levels[cell][strategy].groupby("level").validation_accuracy.mean()
        return last_before_failure(mean, self.tolerance) or None

    def seed_ticket(self, cell: str, strategy: str, seed: int) -> int | None:
        """The same by one seed alone; level 0 where level 1 fails, None where nothing counts."""
        rows = self.levels[cell][strategy]
        rows = rows[rows.seed == seed].set_index("level")
        if beats_nothing(rows.loc[[0]], self.tolerance):
            return None
        return last_before_failure(rows.validation_accuracy, self.tolerance)

    def accuracy(self, cell: str, arm: str, level: int) -> pd.Series:
        """Test accuracy by seed; of dense, whatever the level."""
        if arm == DENSE:
            return self.dense(cell).test_accuracy
        rows = self.levels[cell][arm]
        return rows[rows.level == level].set_index("seed").test_accuracy

    def sparsity(self, cell: str, arm: str) -> dict[int, float]:
        """The mean sparsity of each pruned level."""
        rows = self.levels[cell][arm]
        mean = rows[rows.level > 0].groupby("level").sparsity.mean()
        return {int(level): float(value) for level, value in mean.items()}

    def chosen_levels(self, cell: str, of: str, against: str, claim: Claim) -> list[int]:
        """The levels that the claim picks from those that both arms have."""
        sparsity = {k: round(v, 3) for k, v in sorted(self.sparsity(cell, of).items())}
        if against != DENSE:
            others = self.sparsity(cell, against)
            sparsity = {level: value for level, value in sparsity.items() if level in others}
        if "sparsity" in claim:
            low, high = claim["sparsity"]
            return [level for level, value in sparsity.items() if low <= value <= high]
        if "sparsity_at_least" in claim:
            enough = [k for k, value in sparsity.items() if value >= claim["sparsity_at_least"]]
            return enough[:1]
        target = claim["sparsity_nearest"]
        distance = {level: round(abs(value - target), 3) for level, value in sparsity.items()}
        nearest = min(distance, key=lambda level: (distance[level], level), default=None)
        return [nearest] if nearest is not None and distance[nearest] <= 0.02 else []

    def differences(self, cell: str, of: str, against: str, levels: list[int]) -> np.ndarray:
        """Of each seed that has all the levels in both, averaged over levels."""
        columns = [
            self.accuracy(cell, of, level) - self.accuracy(cell, against, level) for level in levels
        ]
        return pd.concat(columns, axis=1).dropna().mean(axis=1).to_numpy()

    def log_remaining(self, cell: str, strategy: str) -> np.ndarray:
        """log2 of the remaining share of each seed's ticket."""
        values, rows = [], self.levels[cell][strategy]
        for seed in rows.seed.unique():
            level = self.seed_ticket(cell, strategy, seed)
            if level is not None:
                row = rows[(rows.seed == seed) & (rows.level == level)]
                values.append(math.log2(1 - float(row.sparsity.iloc[0])))
        return np.array(values)


def beats_nothing(dense: pd.DataFrame, tolerance: float) -> bool:
    gain = dense.validation_accuracy.mean() - dense.validation_majority.mean()
    return bool(gain <= tolerance + CLOSE)


def last_before_failure(validation: pd.Series, tolerance: float) -> int:
    """0 where level 1 fails. ``validation`` is by level."""
    last = 0
    for level in range(1, len(validation)):
        if validation[level] < validation[0] - tolerance - CLOSE:
            break
        last = level
    return last
