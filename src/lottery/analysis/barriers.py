"""How far error and loss rise between two networks."""

from typing import Any

import numpy as np
import pandas as pd

KINDS = {"levels": "from the level before", "orders": "between two orders of the data"}
"""What a line joins, and what to call it."""
VALUES = ["train_loss", "test_error"]


def barriers(lines: pd.DataFrame) -> pd.DataFrame:
    """How far a line between two networks rises over the straight line between its ends' values.

    Linear mode connectivity (Frankle, Dziugaite, Roy and Carbin 2020, section 2). ``lines`` has
    kind, seed, level, alpha (0 to 1) and :data:`VALUES`; the result a row a line: kind, seed, level
    and the largest rise over ``alpha`` of each value, in its unit.
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
