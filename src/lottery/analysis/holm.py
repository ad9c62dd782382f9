"""Holm's correction over all contrasts together, and the verdict of each.

Holm 1979 keeps the chance of any false verdict, over all claims and cells that could be tested, at
5 %.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from lottery.analysis.claims import CONTRADICTED, NOT_TESTED, SUPPORTED, UNDECIDED, Claim
from lottery.analysis.paired_tests import ALPHA, minimum_detectable_effect


def judged(contrasts: pd.DataFrame, claims: Mapping[str, Claim]) -> pd.DataFrame:
    """``contrasts`` with the columns p_holm, p_worse, detectable and verdict filled in.

    ``contrasts`` has one row per contrast: claim, n, effect, spread (standard deviation over
    seeds), p, p_below (of the one-sided test in the other direction; NaN for a two-sided test) and
    tested. ``claims`` are by id.
    """
    table = contrasts.copy()
    has_p = table.p.notna()
    tests = int(has_p.sum())
    if tests:
        table.loc[has_p, "p_holm"] = multipletests(table.p[has_p], method="holm")[1]
        # Doubled, for the second direction of the test; then Bonferroni's correction.
        table["p_worse"] = (2 * table.p_below * tests).clip(upper=1)
    table["detectable"] = [
        minimum_detectable_effect(row.spread, row.n, tests) if tests else np.nan
        for row in table.itertuples()
    ]
    table["verdict"] = [_verdict(row, claims[row.claim]) for row in table.itertuples()]
    return table


def _verdict(row: Any, claim: Claim) -> str:
    if not row.tested:
        return NOT_TESTED
    if claim.test == "matching":
        is_worse = row.p_worse < ALPHA
        return SUPPORTED if row.p_holm < ALPHA else CONTRADICTED if is_worse else UNDECIDED
    if not row.p_holm < ALPHA:
        return UNDECIDED
    direction = "above" if row.effect > 0 else "below"
    return SUPPORTED if claim.direction in (direction, "different") else CONTRADICTED
