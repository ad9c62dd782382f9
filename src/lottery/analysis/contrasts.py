"""One contrast per claim and cell: its effect, interval and p.

Everything is fixed before the run: the levels by their sparsity, the test by the claim.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lottery.analysis import holm
from lottery.analysis.claims import Claim
from lottery.analysis.exploratory import per_seed_tickets
from lottery.analysis.paired_tests import (
    ALPHA,
    Estimate,
    accuracy_by_arm,
    differences,
    estimate,
    sparsities,
)
from lottery.analysis.tidy import DENSE

COLUMNS = [
    *("claim", "cell", "contrast", "levels", "n", "effect", "low", "high"),
    *("p", "p_holm", "p_worse", "detectable", "verdict", "sparsest", "reason"),
]
_NOT_WRITTEN = ["spread", "p_below", "tested"]
"""What the correction needs of a contrast, beyond the columns of the table."""
_NUMBERS = dict.fromkeys(
    ["effect", "low", "high", "p", "p_holm", "p_worse", "spread", "p_below", "sparsest"], float
)
Row = dict[str, Any]


class _Cell(NamedTuple):
    """What the tests within one cell read."""

    accuracy: dict[str, pd.DataFrame]
    """By arm, seed by level; dense too."""
    sparsity: pd.Series
    """By arm and level."""


_EMPTY = _Cell({}, pd.Series(dtype=float))


def contrasts(
    claims: tuple[Claim, ...],
    curves: dict[str, pd.DataFrame],
    embedding_std: Mapping[str, float],
    margin: float,
    tolerance: float,
    no_ticket: Mapping[str, str],
) -> pd.DataFrame:
    """The test of each claim in each cell (or pair of cells), with the columns :data:`COLUMNS`.

    ``effect`` and its 95 % t interval are in points of test accuracy; for tickets, in log2 of the
    remaining share. ``detectable`` is the minimum detectable effect at Holm's first step, in the
    same unit. For a match, ``sparsest`` is the sparsity up to which it held, and ``p_worse`` is the
    corrected p of being worse than the margin, which is what contradicts it. A contrast without a
    p is undecided, and Holm's correction does not count it.

    ``curves`` has a table per cell, as in ``plots/curves``, and ``embedding_std`` that key of the
    cell's model, both by the cell's name. ``margin`` (how much worse still matches) and
    ``tolerance`` (of the ticket's choice) are in points. ``no_ticket`` says of cells why they have
    no ticket: matches and tickets are not tested there, and ``reason`` says so. Raises ValueError
    if a pruning run lacks a level.
    """
    cells = {
        name: _Cell(accuracy_by_arm(curve), sparsities(curve))
        for name, curve in curves.items()
        if len(curve)
    }
    rows: list[Row] = []
    for claim in claims:
        if claim.test == "ticket":
            rows += _between_cells(claim, curves, tolerance, no_ticket)
            continue
        limit = claim.embedding_std_at_most
        for name in curves:
            excluded = limit is not None and embedding_std[name] > limit
            reason = no_ticket.get(name) if claim.test == "matching" else None
            cell = _EMPTY if excluded or reason else cells.get(name, _EMPTY)
            keys = {"claim": claim.id, "cell": name, "contrast": _description(claim)}
            rows.append(keys | _within_cell(claim, cell, margin) | {"reason": reason})
    table = pd.DataFrame(rows, columns=[*COLUMNS, *_NOT_WRITTEN]).astype(_NUMBERS)
    return holm.judged(table, {claim.id: claim for claim in claims})[COLUMNS]


def _description(claim: Claim) -> str:
    of = ", ".join(claim.of)
    if claim.test == "ticket":
        return f"log2 of the share that {of}'s ticket keeps"
    return f"{'each of ' if len(claim.of) > 1 else ''}{of} - {', '.join(claim.against)}"


def _within_cell(claim: Claim, cell: _Cell, margin: float) -> Row:
    """The row of a test within one cell."""
    if not {*claim.of, *claim.against} <= set(cell.accuracy):
        return _row([], [])
    estimates, all_levels = [], set()
    for of, against in product(claim.of, claim.against):
        levels = _levels(claim, cell, of, against)
        if not levels:
            return _row([], [])
        difference = differences(cell.accuracy[of], cell.accuracy[against], levels)
        if claim.test == "matching":
            return _matching(difference, cell.sparsity[of], margin)
        estimates.append(estimate(difference.mean(axis=1).to_numpy()))
        all_levels |= set(levels)
    return _row(estimates, sorted(all_levels))


def _levels(claim: Claim, cell: _Cell, of: str, against: str) -> list[int]:
    """The pruned levels in the claim's range that both arms have."""
    assert claim.sparsity
    low, high = claim.sparsity
    return [
        level
        for level in cell.accuracy[of].columns
        if level > 0
        and low <= cell.sparsity[of][level] <= high
        and (against == DENSE or level in cell.accuracy[against])
    ]


def _matching(difference: pd.DataFrame, sparsity: pd.Series, margin: float) -> Row:
    """The row of a test of non-inferiority, level by level until the first failure.

    The row and its verdict are those of the first step. A later step counts only if all before it
    passed, so within a cell none needs a correction (Maurer, Hothorn and Lehmacher 1995).
    """
    first: Estimate | None = None
    sparsest = np.nan
    for level in difference.columns:
        step = estimate(difference[level].to_numpy(), -margin, one_sided=True)
        first = first or step
        if not step.p < ALPHA:
            break
        sparsest = float(sparsity[level])
    assert first  # there is a level in the range
    return _row([first], [difference.columns[0]]) | {"sparsest": sparsest}


def _between_cells(
    claim: Claim,
    curves: dict[str, pd.DataFrame],
    tolerance: float,
    no_ticket: Mapping[str, str],
) -> Iterator[Row]:
    """The rows of a test between cells: each seed's ticket in one against its ticket in the other.

    In log2 of the remaining share, in which levels are about evenly spaced.
    """
    of_strategy = {
        cell: curve[curve.arm == claim.of[0]] if len(curve) else curve
        for cell, curve in curves.items()
    }
    tickets = per_seed_tickets(of_strategy, tolerance)
    tickets["log_remaining"] = np.log2(1 - tickets.sparsity.astype(float))
    by_cell = {name: rows.set_index("seed").log_remaining for name, rows in tickets.groupby("cell")}
    for one, other in combinations(curves, 2):
        estimates = []
        reasons = [f"{name}: {no_ticket[name]}" for name in (one, other) if name in no_ticket]
        if one in by_cell and other in by_cell and not reasons:
            estimates = [estimate(by_cell[one].sub(by_cell[other]).dropna().to_numpy())]
        keys = {"claim": claim.id, "cell": f"{one} vs {other}", "contrast": _description(claim)}
        yield keys | _row(estimates, ["ticket"]) | {"reason": "; ".join(reasons) or None}


def _row(estimates: list[Estimate], levels: list[Any]) -> Row:
    """One contrast from its estimates, all of which must show the effect (Berger 1982).

    It has the largest p and the smallest effect. Its interval spans all the intervals, so that it
    contains zero exactly where the largest p is above 0.05. Estimates of both signs share no
    direction: then p is 1.
    """
    if not estimates:
        return {"n": 0, "effect": np.nan, "levels": "", "tested": False}
    # NumPy's min and max, because Python's would overlook a NaN.
    ns, effects, lows, highs, spreads, ps, below = np.array(estimates).T
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
