"""How far error and loss rise between two networks."""

from typing import Any

import numpy as np
import pandas as pd

KINDS = {"levels": "between consecutive levels", "orders": "between two orders of the data"}
"""The kinds of line: which two networks each joins, as a reader is told."""
VALUES = ["train_loss", "test_error"]


def barriers(lines: pd.DataFrame) -> pd.DataFrame:
    """The barrier of each line: its largest rise above the chord that joins its two ends.

    One row per line: kind, seed, level, and a barrier for each of :data:`VALUES` (``train_loss``
    in nats, ``test_error`` in points). ``lines`` has one row per network on a line: kind, seed,
    level, alpha (0 at one end, 1 at the other) and :data:`VALUES`, in any order.

    The rise is over the chord, as in Entezari, Sedghi, Saukh and Neyshabur 2022 (*The Role of
    Permutation Invariance in Linear Mode Connectivity of Neural Networks*) and Paul et al. 2022
    (*Unmasking the Lottery Ticket Hypothesis*), so that a line without a bump has no barrier,
    however unequal its ends. Frankle, Dziugaite, Roy and Carbin 2020 (section 2) compare the
    highest value with the mean of the ends. Only the networks on the line are compared: between
    them the rise may be larger, so few points give a lower bound.
    """
    rows: list[dict[str, Any]] = []
    for (kind, seed, level), line in lines.groupby(["kind", "seed", "level"], sort=False):
        line = line.sort_values("alpha")
        rises = {}
        for name in VALUES:
            values = line[name].to_numpy(float)
            chord = np.interp(line.alpha, line.alpha.iloc[[0, -1]], values[[0, -1]])
            rises[name] = float(np.max(values - chord))
        rows.append({"kind": kind, "seed": seed, "level": level, **rises})
    return pd.DataFrame(rows, columns=["kind", "seed", "level", *VALUES])
