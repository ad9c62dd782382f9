"""The page's section on the claims: by verdict, each with its effect, and its contrasts folded."""

from typing import Any

import pandas as pd

from lottery.analysis.contrasts import KEYS
from lottery.analysis.family import NO_DIFFERENCE, NOT_TESTED, SMALLER, UNDECIDED
from lottery.analysis.verdicts import CONTRADICTED, COUNTED, MIXED, SUPPORTED, WITH_DOCUMENTS
from lottery.report.charts import effects, svg
from lottery.report.formats import (
    MISSING,
    factor,
    fixed,
    log2,
    p_value,
    points,
    signed,
    whole,
)
from lottery.report.names import cell_title, count, display_name

Row = dict[str, Any]
# A verdict has a word, a sign and a color, so that none depends on its color alone.
SIGNS = {
    **{SUPPORTED: "✓", CONTRADICTED: "✗", SMALLER: "≈", NO_DIFFERENCE: "≈"},
    **{MIXED: "±", UNDECIDED: "?", NOT_TESTED: "–"},
}
"""The verdicts in the order of the page, and their signs."""


def section(claims: pd.DataFrame, contrasts: pd.DataFrame) -> Row:
    """What the template reads: ``groups``, the claims by verdict, the ``untested`` ones, and what
    family and axis they share.

    A claim has its row, the contrast that stands for it and a row for each of its contrasts.
    """
    scale = effects.scale(contrasts[contrasts.test != "ticket"])
    groups = {
        verdict: [_claim(claim, contrasts, scale) for claim in rows.to_dict("records")]
        for verdict in SIGNS
        if len(rows := claims[claims.verdict == verdict])
    }
    untested = groups.pop(NOT_TESTED, [])
    axis = effects.axis(scale)
    return {"groups": groups, "untested": untested, "axis": axis, **family(contrasts)}


def family(contrasts: pd.DataFrame) -> Row:
    """How many distinct contrasts were tested, and the margin in points; None if none was."""
    distinct = contrasts[contrasts.verdict != NOT_TESTED].drop_duplicates(KEYS)
    margins = distinct.margin.dropna()
    return {
        "tests": whole(len(distinct)) if len(distinct) else None,
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


def _claim(claim: Row, contrasts: pd.DataFrame, scale: svg.Scale) -> Row:
    of_claim = contrasts[contrasts.claim == claim["claim"]]
    tested = of_claim[of_claim.verdict != NOT_TESTED]
    counts = {verdict: whole(claim[column]) for column, verdict in COUNTED.items()}
    tally = ", ".join(
        f"{number} {verdict}" for verdict, number in counts.items() if number not in ("0", MISSING)
    )
    chosen = deciding(claim["verdict"], of_claim)
    reasons = list(of_claim.reason.dropna().unique())
    if not reasons:
        reasons = ["the run has too few corpora or models for it"]
    return {
        **claim,
        "tally": tally if len(of_claim) > 1 else "",
        "fragile": _fragile(claim),
        "summary": _written(chosen, scale) if chosen else None,
        "others": len(tested) - 1,
        "reason": "; ".join(reasons),
        "rows": [_written(row, scale) for row in of_claim.to_dict("records")],
    }


def _written(row: Row, scale: svg.Scale) -> Row:
    """A contrast as text, and drawn if it is in points."""
    is_ticket = row["test"] == "ticket"
    unit = log2 if is_ticket else points
    of, against = display_name(row["of"]), display_name(row["against"])
    low, high = (unit(row[end], signed) for end in ("family_low", "family_high"))
    ends = row["family_low"], row["family_high"]
    brief = factor if is_ticket else lambda value: points(value, lambda one: signed(one, 1))
    short = [brief(value) for value in (row["effect"], *ends)]
    is_drawn = not is_ticket and not pd.isna(row["effect"])
    return {
        "cell": cell_title(row["cell"]),
        "contrast": f"{of}'s remaining share" if is_ticket else f"{of} − {against}",
        "levels": MISSING if pd.isna(row["levels"]) or row["levels"] == "" else str(row["levels"]),
        "short": short[0],
        "short_interval": "no interval" if MISSING in short[1:] else f"{short[1]} to {short[2]}",
        "effect": unit(row["effect"], signed),
        "interval": MISSING if MISSING in (low, high) else f"{low} to {high}",
        "p": p_value(row["p"]),
        "corrected_p": _p_text(row),
        "n": whole(row["n"]),
        "minimum_effect": _minimum_effect(row),
        "verdict": row["verdict"],
        "fragile": _fragile(row),
        "reason": "" if pd.isna(row["reason"]) else row["reason"],
        "chart": effects.effect(row, scale) if is_drawn else None,
    }


def _minimum_effect(row: Row) -> str:
    """From how far the truth would have been found, in the contrast's unit."""
    least = row["minimum_detectable_effect"]
    if row["test"] == "ticket":
        return log2(least)
    if least > 100:
        seeds = count(int(row["n"]), "seed")
        return f"no difference in accuracy could have been found with {seeds}"
    text = fixed(least)
    return f"{text} from {signed(-row['margin'])}" if row["test"] == "matching" else text


def _p_text(row: Row) -> str:
    text = p_value(corrected_p(row))
    is_within = row["verdict"] in (NO_DIFFERENCE, SMALLER)
    return f"{text} (within the margin)" if is_within else text


def _fragile(row: Row) -> str:
    """The other verdict, if the uncertainty of the test documents changes it."""
    other = row[WITH_DOCUMENTS]
    return "" if pd.isna(other) or other == row["verdict"] else str(other)
