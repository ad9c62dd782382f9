"""The page's section on the claims: verdicts, and the contrasts behind them."""

from typing import Any

import pandas as pd

from lottery.analysis.contrasts import KEYS
from lottery.analysis.family import NO_DIFFERENCE, NOT_TESTED, SMALLER, UNDECIDED
from lottery.analysis.verdicts import CONTRADICTED, COUNTED, MIXED, SUPPORTED, WITH_DOCUMENTS
from lottery.report.charts import panels
from lottery.report.formats import (
    MISSING,
    fixed,
    log2,
    minimum_effect,
    p_value,
    points,
    signed,
    whole,
)
from lottery.report.styles import display_name

Row = dict[str, Any]
# A verdict has a word, a sign and a color, so that none depends on its color alone.
SIGNS = {
    **{SUPPORTED: "✓", CONTRADICTED: "✗", NO_DIFFERENCE: "≈", SMALLER: "≈"},
    **{MIXED: "±", UNDECIDED: "?", NOT_TESTED: "–"},
}


def section(claims: pd.DataFrame, contrasts: pd.DataFrame) -> list[Row]:
    """What the template reads of each claim: its row, and a row for each of its contrasts."""
    return [_claim(claim, contrasts) for claim in claims.to_dict("records")]


def family(contrasts: pd.DataFrame) -> Row:
    """How many distinct contrasts were tested, and the margin in points; empty if none was."""
    distinct = contrasts[contrasts.verdict != NOT_TESTED].drop_duplicates(KEYS)
    if distinct.empty:
        return {}
    margins = distinct.margin.dropna()
    return {
        "tests": whole(len(distinct)),
        "margin": fixed(margins.iloc[0]) if len(margins) else MISSING,
    }


def deciding(verdict: str, contrasts: pd.DataFrame) -> Row | None:
    """The contrast that stands for a claim; None if none was tested.

    All its numbers are of one arm in one cell. It is one with the claim's verdict, if there is one:
    for a supported claim the weakest, otherwise the one with the smallest p.
    """
    tested = contrasts[contrasts.verdict != NOT_TESTED]
    same = tested[tested.verdict == verdict]
    rows = (same if len(same) else tested).to_dict("records")
    ps = [1.0 if pd.isna(corrected_p(row)) else corrected_p(row) for row in rows]
    if not rows:
        return None
    return rows[ps.index(max(ps) if verdict == SUPPORTED else min(ps))]


def corrected_p(row: Row) -> float:
    """The corrected p that a contrast's verdict rests on."""
    is_within = row["verdict"] in (NO_DIFFERENCE, SMALLER)
    return float(row["p_equivalence_corrected"] if is_within else row["p_corrected"])


def _claim(claim: Row, contrasts: pd.DataFrame) -> Row:
    of_claim = contrasts[contrasts.claim == claim["claim"]]
    ends = of_claim[["effect", "family_low", "family_high", "margin"]].astype(float).abs()
    reach = _reach(ends)
    counts = {verdict: whole(claim[column]) for column, verdict in COUNTED.items()}
    tally = ", ".join(
        f"{count} {verdict}" for verdict, count in counts.items() if count not in ("0", MISSING)
    )
    chosen = deciding(claim["verdict"], of_claim)
    return {
        **claim,
        "tally": tally,
        "fragile": _fragile(claim),
        "summary": _written(chosen) if chosen else None,
        "rows": [
            {**_written(row), "chart": panels.effect(row, -reach, reach)}
            for row in of_claim.to_dict("records")
        ],
    }


def _reach(ends: pd.DataFrame) -> float:
    """How far the charts of a claim reach on both sides of zero.

    Of two or three seeds the intervals of the whole family may be hundreds of points long; they are
    cut where nobody could tell the effects apart.
    """
    longest = float(ends.max(axis=None)) if ends.notna().any(axis=None) else 0.0
    effects = ends[["effect", "margin"]]
    most = 8 * float(effects.max(axis=None)) if effects.notna().any(axis=None) else 0.0
    return max(min(longest, most), 0.1) * 1.05


def _written(row: Row) -> Row:
    """A contrast as text."""
    is_ticket = row["test"] == "ticket"
    unit = log2 if is_ticket else points
    least = row["minimum_detectable_effect"]
    minimum = log2(least) if is_ticket else minimum_effect(least)
    if row["test"] == "matching" and least <= 100:
        minimum = f"{minimum} from {signed(-row['margin'])}"
    of, against = display_name(row["of"]), display_name(row["against"])
    low, high = (unit(row[end], signed) for end in ("family_low", "family_high"))
    return {
        "cell": row["cell"],
        "contrast": f"{of}'s remaining share" if is_ticket else f"{of} - {against}",
        "levels": MISSING if pd.isna(row["levels"]) or row["levels"] == "" else str(row["levels"]),
        "effect": unit(row["effect"], signed),
        "interval": MISSING if MISSING in (low, high) else f"{low} to {high}",
        "p": p_value(row["p"]),
        "corrected_p": _p_text(row),
        "n": whole(row["n"]),
        "minimum_effect": minimum,
        "verdict": row["verdict"],
        "fragile": _fragile(row),
        "reason": "" if pd.isna(row["reason"]) else row["reason"],
    }


def _p_text(row: Row) -> str:
    text = p_value(corrected_p(row))
    is_within = row["verdict"] in (NO_DIFFERENCE, SMALLER)
    return f"{text} (within the margin)" if is_within else text


def _fragile(row: Row) -> str:
    """The other verdict, if the uncertainty of the test documents changes it."""
    other = row[WITH_DOCUMENTS]
    return "" if pd.isna(other) or other == row["verdict"] else str(other)
