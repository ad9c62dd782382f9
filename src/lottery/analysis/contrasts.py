"""One contrast per claim and cell, all corrected together; the verdicts that follow.

Fixed before the run: the levels by their sparsity, the test by the claim. Holm 1979 keeps the
chance of any false verdict, over all claims and cells that could be tested, at 5 %.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from lottery.analysis.claims import (
    CONTRADICTED,
    NOT_TESTED,
    SUPPORTED,
    UNDECIDED,
    Claim,
)
from lottery.analysis.exploratory import per_seed_tickets
from lottery.analysis.paired import (
    ALPHA,
    DENSE,
    Estimate,
    arms,
    detectable,
    differences,
    estimate,
    sparsities,
)

COLUMNS = [
    *("claim", "cell", "contrast", "levels", "n", "effect", "low", "high"),
    *("p", "p_holm", "p_worse", "detectable", "verdict", "sparsest"),
]
_NUMBERS = dict.fromkeys(
    ["effect", "low", "high", "p", "p_holm", "p_worse", "spread", "p_below", "sparsest"], float
)
Row = dict[str, Any]


def contrasts(
    claims: tuple[Claim, ...],
    curves: dict[str, pd.DataFrame],
    embedding_std: Mapping[str, float],
    margin: float,
    tolerance: float,
) -> pd.DataFrame:
    """Test each claim in each cell, or pair of cells: :data:`COLUMNS`.

    ``curves`` has a table a cell, as in ``plots/curves``; ``embedding_std`` is by model; ``margin``
    (how much worse still matches) and ``tolerance`` (the ticket's rule) are in points. ``effect``
    and its 95 % t interval are points of test accuracy, of tickets log2 of the remaining share;
    ``detectable``, in the same unit, is what Holm's first step would find 8 times in 10.
    ``sparsest`` is the sparsity up to which a match held, ``p_worse`` the corrected p of being
    worse than the margin: what contradicts a match. A contrast without a p is undecided and not
    counted by Holm. Raises ValueError if a chain lacks a level.
    """
    cells = {cell: (arms(curve), sparsities(curve)) for cell, curve in curves.items() if len(curve)}
    rows: list[Row] = []
    for claim in claims:
        if claim.test == "ticket":
            rows += _of_tickets(claim, curves, tolerance)
            continue
        for cell in curves:
            tables, sparsity = cells.get(cell, ({}, pd.Series(dtype=float)))
            limit = claim.embedding_std_at_most
            if limit is not None and embedding_std[cell.rpartition("-")[2]] > limit:
                tables = {}
            found = _of_cell(claim, tables, sparsity, margin)
            rows.append({"claim": claim.id, "cell": cell, "contrast": _words(claim)} | found)
    return _judged(rows, {claim.id: claim for claim in claims})


def _words(claim: Claim) -> str:
    of = ", ".join(claim.of)
    if claim.test == "ticket":
        return f"log2 of the share that {of}'s ticket keeps"
    return f"{'each of ' if len(claim.of) > 1 else ''}{of} - {', '.join(claim.against)}"


def _of_cell(
    claim: Claim, tables: dict[str, pd.DataFrame], sparsity: pd.Series, margin: float
) -> Row:
    """The row of a test within one cell."""
    if not {*claim.of, *claim.against} <= set(tables):
        return _row([], [])
    parts, shown = [], set()
    for of, against in product(claim.of, claim.against):
        levels = _levels(claim, sparsity[of], tables[of], tables[against], against)
        if not levels:
            return _row([], [])
        lost = differences(tables[of], tables[against], levels)
        if claim.test == "matching":
            return _matching(lost, sparsity[of], margin)
        parts.append(estimate(lost.mean(axis=1).to_numpy()))
        shown |= set(levels)
    return _row(parts, sorted(shown))


def _levels(
    claim: Claim, sparsity: pd.Series, of: pd.DataFrame, against: pd.DataFrame, name: str
) -> list[int]:
    """The pruned levels in the claim's range that both strategies have."""
    assert claim.sparsity
    low, high = claim.sparsity
    return [
        level
        for level in of.columns
        if level > 0 and low <= sparsity[level] <= high and (name == DENSE or level in against)
    ]


def _matching(lost: pd.DataFrame, sparsity: pd.Series, margin: float) -> Row:
    """Non-inferiority, level after level in a fixed sequence that ends at the first failure.

    The row is the first step's, and so is the verdict. A later step counts only if all before it
    passed, so that within a cell none needs a correction (Maurer, Hothorn and Lehmacher 1995).
    """
    first: Estimate | None = None
    sparsest = np.nan
    for level in lost.columns:
        step = estimate(lost[level].to_numpy(), -margin, one_sided=True)
        first = first or step
        if not step.p < ALPHA:
            break
        sparsest = float(sparsity[level])
    assert first  # there is a level in the range
    return _row([first], [lost.columns[0]]) | {"sparsest": sparsest}


def _of_tickets(claim: Claim, curves: dict[str, pd.DataFrame], tolerance: float) -> Iterator[Row]:
    """The rows of a test between cells: each seed's ticket in one against its ticket in the other.

    In log2 of the remaining share, the levels are about evenly spaced.
    """
    own = {
        cell: curve[curve.strategy == claim.of[0]] if len(curve) else curve
        for cell, curve in curves.items()
    }
    tickets = per_seed_tickets(own, tolerance)
    tickets["kept"] = np.log2(1 - tickets.sparsity.astype(float))
    kept = {cell: rows.set_index("seed").kept for cell, rows in tickets.groupby("cell")}
    for one, other in combinations(curves, 2):
        parts = []
        if one in kept and other in kept:
            parts = [estimate(kept[one].sub(kept[other]).dropna().to_numpy())]
        cell = {"claim": claim.id, "cell": f"{one} vs {other}", "contrast": _words(claim)}
        yield cell | _row(parts, ["ticket"])


def _row(parts: list[Estimate], levels: list[Any]) -> Row:
    """One contrast of its parts, all of which must show the effect (Berger 1982).

    The largest p counts, and the smallest effect is shown. The interval spans the parts', so that
    it holds zero exactly where the largest p is above 0.05. Parts of both signs share no
    direction: p is 1.
    """
    if not parts:
        return {"n": 0, "effect": np.nan, "levels": "", "tested": False}
    # NumPy's least and greatest, where Python's would overlook a NaN.
    ns, effects, lows, highs, spreads, ps, below = np.array(parts).T
    one_sign = len(set(np.sign(effects))) == 1 or np.isnan(ps).any()
    return {
        "levels": " ".join(map(str, levels)),
        "n": int(ns.min()),
        "effect": float(effects[np.abs(effects).argmin()]),
        "low": float(lows.min()),
        "high": float(highs.max()),
        "spread": float(spreads.max()),
        "p": float(ps.max()) if one_sign else 1.0,
        "p_below": float(below.max()),
        "tested": True,
    }


def _judged(rows: list[Row], claims: dict[str, Claim]) -> pd.DataFrame:
    """Correct all rows together, and give each its verdict."""
    hidden = ["spread", "p_below", "tested"]
    table = pd.DataFrame(rows, columns=[*COLUMNS, *hidden]).astype(_NUMBERS)
    tested = table.p.notna()
    tests = int(tested.sum())
    if tests:
        table.loc[tested, "p_holm"] = multipletests(table.p[tested], method="holm")[1]
        # By a two-sided test at the level that is left if every contrast is tested so too
        # (Bonferroni).
        table["p_worse"] = (2 * table.p_below * tests).clip(upper=1)
    table["detectable"] = [
        detectable(row.spread, row.n, tests) if tests else np.nan for row in table.itertuples()
    ]
    table["verdict"] = [_verdict(row, claims[row.claim]) for row in table.itertuples()]
    return table[COLUMNS]


def _verdict(row: Any, claim: Claim) -> str:
    if not row.tested:
        return NOT_TESTED
    if claim.test == "matching":
        worse = row.p_worse < ALPHA
        return SUPPORTED if row.p_holm < ALPHA else CONTRADICTED if worse else UNDECIDED
    if not row.p_holm < ALPHA:
        return UNDECIDED
    direction = "above" if row.effect > 0 else "below"
    return SUPPORTED if claim.direction in (direction, "different") else CONTRADICTED
