"""Tables as in ``plots/curves``, from accuracies that the tests choose, and claims about them."""

from typing import Any

import numpy as np
import pandas as pd

from lottery.analysis.claims import Claim

SPARSITY = [0.0, 0.4, 0.64, 0.784, 0.87, 0.922]
"""By level."""
SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
"""Student 1908: hours of sleep that one drug gave beyond another, of the same ten patients."""


def arm(
    name: str, accuracy: Any, levels: list[int] | None = None, seeds: list[int] | None = None
) -> pd.DataFrame:
    """Rows as in plots/curves, from accuracies by seed and level; the same on validation."""
    values = np.asarray(accuracy, float)
    rows = [
        (name, seed, level, SPARSITY[level], value, value)
        for seed, row in zip(seeds or range(len(values)), values, strict=True)
        for level, value in zip(levels or range(values.shape[1]), row, strict=True)
    ]
    names = ["arm", "seed", "level", "sparsity", "validation_accuracy", "test_accuracy"]
    by_class = dict.fromkeys(["test_balanced_accuracy", "test_macro_f1"], 70.0)
    return pd.DataFrame(rows, columns=names).assign(validation_majority=50.0, **by_class)


def pruning_run(name: str, losses: Any, seeds: list[int] | None = None) -> pd.DataFrame:
    """A pruning run from its differences to a dense accuracy of 90, by seed and level from 1 on."""
    values = np.asarray(losses, float)
    return arm(name, 90 + np.hstack([np.zeros((len(values), 1)), values]), seeds=seeds)


def claim(**changes: Any) -> Claim:
    """A claim that the winning ticket beats dense at level 1, but for ``changes``."""
    keys = {
        **{"id": "it", "sentence": "So it is.", "test": "difference", "combine": "every_cell"},
        **{"of": ("winning_ticket",), "against": ("dense",), "sparsity": (0.3, 0.5)},
        **changes,
    }
    if keys["test"] == "ticket":
        keys |= {"sparsity": None, "against": keys["of"], "direction": "different"}
    return Claim(**keys)
