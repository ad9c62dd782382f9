"""Every distinct contrast once: one arm against another, in one cell, at certain levels.

Everything is fixed before the run: the arms, the test and the levels by the claims. Two claims may
need the same contrast; it is tested once (``family`` says how), and ``verdicts`` combines contrasts
to claims.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lottery.analysis import accuracies, family, t_tests
from lottery.analysis.claims import Claim
from lottery.analysis.exploratory import per_seed_tickets
from lottery.analysis.level_range import LevelRange
from lottery.analysis.t_tests import NOTHING, Estimate
from lottery.analysis.tidy import DENSE


class Contrast(NamedTuple):
    """What tells one contrast from another."""

    cell: str
    """Of the test ``ticket``, a pair of cells: "one vs other"."""
    test: str
    of: str
    against: str
    sparsity: str
    """Which levels: :class:`lottery.analysis.level_range.LevelRange` as text."""


KEYS = list(Contrast._fields)
COLUMNS = [
    *KEYS,
    *("levels", "n", "effect", "low", "high", "family_low", "family_high"),
    *("standard_error", "df", "margin", "p", "p_corrected"),
    *("p_equivalence", "p_equivalence_corrected", "minimum_detectable_effect", "finding"),
    *("standard_error_with_documents", "finding_with_documents", "reason"),
]


class _Cell(NamedTuple):
    """What the tests within one cell read."""

    accuracy: dict[str, pd.DataFrame]
    """By arm, seed by level; dense too."""
    sparsity: pd.Series
    """By arm and level."""


_EMPTY = _Cell({}, pd.Series(dtype=float))


def needed(
    claims: tuple[Claim, ...], embedding_std: Mapping[str, float]
) -> list[tuple[Claim, Contrast]]:
    """Each claim with each contrast that it needs, in the order of the claims.

    ``embedding_std`` has that key of each cell's model, by the cell's name, and with it all cells.
    """
    return [(claim, contrast) for claim in claims for contrast in _of_claim(claim, embedding_std)]


def _of_claim(claim: Claim, embedding_std: Mapping[str, float]) -> Iterator[Contrast]:
    limit = claim.embedding_std_at_most
    names = [name for name, std in embedding_std.items() if limit is None or std <= limit]
    cells = [f"{one} vs {other}" for one, other in combinations(names, 2)]
    for cell in cells if claim.test == "ticket" else names:
        for of, against in product(claim.of, claim.against):
            yield Contrast(cell, claim.test, of, against, str(claim.levels))


def contrasts(
    required: list[tuple[Claim, Contrast]],
    curves: dict[str, pd.DataFrame],
    margin: float,
    tolerance: float,
    no_ticket: Mapping[str, str],
    documents: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row per distinct contrast, with the columns :data:`COLUMNS`.

    ``effect``, its 95 % t interval from ``low`` to ``high`` and its ``standard_error`` are in
    points of test accuracy; for tickets, in log2 of the remaining share. :func:`family.judged`
    explains the other columns. ``n`` counts seeds. A contrast whose arms or levels were not run is
    not tested, nor is a match or a ticket in a cell that has none; ``reason`` says why.

    ``required`` comes from :func:`needed`. ``curves`` has a table per cell, as in
    ``plots/curves``. ``margin`` (what still counts as no difference) and ``tolerance`` (of the
    ticket's choice) are in points. ``no_ticket`` says of cells why they have none. ``documents`` is
    what the stage compare measured, with columns cell, of, against, sparsity and standard_error.
    Raises ValueError if a pruning run lacks a level.
    """
    ranges = {contrast: claim.levels for claim, contrast in required}
    cells = {
        name: _Cell(accuracies.by_arm(curve), accuracies.sparsities(curve))
        for name, curve in curves.items()
        if len(curve)
    }
    tickets = _log_remaining(required, curves, tolerance)
    rows = []
    for contrast, levels in ranges.items():
        if reason := _why_not(contrast, no_ticket):
            row = _not_tested(reason)
        elif contrast.test == "ticket":
            row = _between_cells(contrast, tickets)
        else:
            row = _within_cell(contrast, levels, cells.get(contrast.cell, _EMPTY))
        rows.append(contrast._asdict() | row)
    table = pd.DataFrame(rows, columns=[*KEYS, *_row(NOTHING, []), "reason"])
    table = table.rename(columns={"error": "standard_error"})
    return family.judged(_with_documents(table, documents), margin)[COLUMNS]


def _with_documents(table: pd.DataFrame, documents: pd.DataFrame | None) -> pd.DataFrame:
    name, keys = "standard_error_with_documents", ["cell", "of", "against", "sparsity"]
    if documents is None or documents.empty:
        return table.assign(**{name: np.nan})
    measured = documents[[*keys, "standard_error"]].rename(columns={"standard_error": name})
    return table.merge(measured, "left", keys, validate="many_to_one")


def _within_cell(contrast: Contrast, levels: LevelRange, cell: _Cell) -> dict[str, Any]:
    """The row of a test within one cell: the mean over its levels, seed by seed."""
    of, against = contrast.of, contrast.against
    if not {of, against} <= set(cell.accuracy):
        missing = [arm for arm in (of, against) if arm not in cell.accuracy]
        names = ", ".join(missing).replace("_", " ")  # for a reader
        return _not_tested(f"{names} was not run")
    chosen = chosen_levels(levels, cell.sparsity, of, against)
    if not chosen:
        return _not_tested(f"both arms have no level of this sparsity: {levels}")
    difference = accuracies.differences(cell.accuracy[of], cell.accuracy[against], chosen)
    return _row(t_tests.paired(difference.mean(axis=1).to_numpy()), chosen)


def chosen_levels(levels: LevelRange, sparsity: pd.Series, of: str, against: str) -> list[int]:
    """The pruned levels that ``levels`` picks from those that both arms have.

    ``sparsity`` is by arm and level. Dense is compared with every level.
    """
    pruned = sparsity[of].drop(0, errors="ignore")
    if against != DENSE:
        pruned = pruned[pruned.index.isin(sparsity[against].index)]
    return levels.choose(pruned)


def _log_remaining(
    required: list[tuple[Claim, Contrast]], curves: dict[str, pd.DataFrame], tolerance: float
) -> Mapping[tuple[str, str], np.ndarray]:
    """Each seed's ticket in log2 of the remaining share, by cell and strategy.

    In that unit levels are about evenly spaced.
    """
    strategies = {contrast.of for _, contrast in required if contrast.test == "ticket"}
    if not strategies:
        return {}
    of_strategies = {
        cell: curve[curve.arm.isin(strategies)] if len(curve) else curve
        for cell, curve in curves.items()
    }
    tickets = per_seed_tickets(of_strategies, tolerance)
    return {
        (str(cell), str(arm)): np.log2(1 - rows.sparsity.dropna().to_numpy(float))
        for (cell, arm), rows in tickets.groupby(["cell", "arm"])
    }


def _between_cells(
    contrast: Contrast, tickets: Mapping[tuple[str, str], np.ndarray]
) -> dict[str, Any]:
    """The row of a test between cells, whose seeds have nothing in common: unpaired."""
    groups = [tickets.get((cell, contrast.of)) for cell in contrast.cell.split(" vs ")]
    one, other = groups
    if one is None or other is None:
        return _not_tested(f"{contrast.of} was not run in both")
    return _row(t_tests.unpaired(one, other), [])


def _why_not(contrast: Contrast, no_ticket: Mapping[str, str]) -> str:
    """Why a match or a ticket means nothing in the cell, or in one of two; else empty."""
    if contrast.test == "matching":
        return no_ticket.get(contrast.cell, "")
    cells = contrast.cell.split(" vs ") if contrast.test == "ticket" else []
    return "; ".join(f"{cell}: {no_ticket[cell]}" for cell in cells if cell in no_ticket)


def _row(estimate: Estimate, levels: list[int], is_tested: bool = True) -> dict[str, Any]:
    """One contrast from its estimate."""
    text = " ".join(map(str, levels))
    return {"levels": text, "is_tested": is_tested, **estimate._asdict()}


def _not_tested(reason: str) -> dict[str, Any]:
    return _row(NOTHING, [], is_tested=False) | {"reason": reason}
