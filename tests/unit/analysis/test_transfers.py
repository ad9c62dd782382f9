"""The table of how transferred arms compare with every other arm of their target."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from accuracy_curves import arm, pruning_run
from helpers import ROOT
from scipy import stats

from lottery.analysis import transfers
from lottery.config import params
from lottery.config.grid import Run

SMOKE = params.load(ROOT / "profiles" / "smoke.yaml")
RUN = Run(SMOKE, "b", "cnn", "transferred", "a")


def curve() -> pd.DataFrame:
    return pd.concat(
        [
            pruning_run("winning_ticket", [[1.0, 2.0], [2.0, 0.0], [0.0, 1.0]]),
            arm("shuffled_mask", [[88.0], [89.0], [91.0]], levels=[2]),
            arm("transferred", [[91.0, 90.0], [93.0, 91.0], [92.0, 92.0]], levels=[1, 2]),
        ]
    )


def test_every_other_arm_of_the_level() -> None:
    table = transfers.table([RUN], {"b-cnn": curve()})
    assert list(table.columns) == transfers.COLUMNS
    assert set(zip(table.source, table.target, table.model, table.arm, strict=True)) == {
        ("a", "b", "cnn", "transferred")
    }
    rows = table.set_index(["level", "against"])
    assert sorted(rows.index) == [
        *((1, name) for name in ("dense", "winning_ticket")),
        *((2, name) for name in ("dense", "shuffled_mask", "winning_ticket")),
    ]
    differences = {
        (1, "dense"): [1.0, 3.0, 2.0],
        (1, "winning_ticket"): [0.0, 1.0, 2.0],
        (2, "dense"): [0.0, 1.0, 2.0],
        (2, "shuffled_mask"): [2.0, 2.0, 1.0],
        (2, "winning_ticket"): [-2.0, 1.0, 1.0],
    }
    for key, values in differences.items():
        row = rows.loc[key]
        assert (row.n, row.difference) == (3, pytest.approx(np.mean(values)))
        interval = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
        assert (row.low, row.high) == pytest.approx(interval)
        assert row.sparsity == pytest.approx({1: 0.4, 2: 0.64}[key[0]])


def test_an_arm_without_a_seed_has_no_rows() -> None:
    """Its training diverged for every seed."""
    rows = curve()
    other = replace(RUN, arm="transferred_late")
    table = transfers.table([RUN, other], {"b-cnn": rows})
    assert set(table.arm) == {"transferred"}
    assert transfers.table([other], {"b-cnn": rows[:0]}).empty
