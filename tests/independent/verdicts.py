"""Contrasts and claims: the text of ``claims.yaml`` as code."""

import math
from itertools import combinations, product
from typing import Any

import numpy as np

from independent import tests_of_means as t
from independent.study import DENSE, Claim, Study

NO_DIFFERENCE = "no difference beyond the margin"
SMALLER = "a difference smaller than the margin"
NOT_TESTED = "not tested"
Key = tuple[str, str, str, str, str]
"""Cell, test, of, against, and the levels in words."""
Row = dict[str, Any]


def levels_in_words(claim: Claim) -> str:
    if "sparsity" in claim:
        return "{:g} to {:g}".format(*claim["sparsity"])
    if "sparsity_at_least" in claim:
        return f"first from {claim['sparsity_at_least']:g}"
    if "sparsity_nearest" in claim:
        return f"nearest {claim['sparsity_nearest']:g}"
    return "ticket of each seed"


def keys(study: Study, claim: Claim) -> list[Key]:
    """The contrasts that a claim needs."""
    limit = claim.get("embedding_std_at_most", math.inf)
    models = study.params["models"]
    cells = [c for c, (_, m) in study.cells.items() if models[m]["embedding_std"] <= limit]
    if claim["test"] == "ticket":
        cells = [f"{one} vs {other}" for one, other in combinations(cells, 2)]
    return [
        (cell, claim["test"], of, against, levels_in_words(claim))
        for cell in cells
        for of, against in product(claim["of"], claim["against"])
    ]


def contrasts(study: Study) -> dict[Key, Row]:
    """Each distinct contrast: what the data say, and what may be concluded at 0.05 / K."""
    claims = {key: claim for claim in reversed(study.claims) for key in keys(study, claim)}
    measured = {key: estimate(study, key, claim) for key, claim in claims.items()}
    tests = sum(mean is not None for mean, _ in measured.values())
    errors = document_errors(study)
    return {
        key: row(study, key, mean, levels, errors, tests)
        for key, (mean, levels) in measured.items()
    }


def estimate(study: Study, key: Key, claim: Claim) -> tuple[t.Mean | None, list[int]]:
    """The mean of a contrast and its levels; None if it is not tested."""
    cell, test, of, against, _ = key
    if test == "ticket":
        pair = cell.split(" vs ")
        if any(of not in study.levels[c] or study.has_nothing_to_lose(c) for c in pair):
            return None, []
        one, other = (study.log_remaining(c, of) for c in pair)
        return t.welch(one, other), []
    if not {of, against} - {DENSE} <= set(study.levels[cell]):
        return None, []
    if test == "matching" and study.has_nothing_to_lose(cell):
        return None, []
    levels = study.chosen_levels(cell, of, against, claim)
    if not levels:
        return None, []
    return t.of_pairs(study.differences(cell, of, against, levels)), levels


def document_errors(study: Study) -> dict[tuple[str, str, str, str], float]:
    """The standard error over seeds and documents, by cell, of, against and levels."""
    errors = {}
    for cell in study.cells:
        for arm in study.arms(cell):
            for one in study.read(f"plots/documents/{cell}-{arm}.csv").itertuples():
                errors[one.cell, one.of, one.against, one.sparsity] = t.document_error(
                    one.seed_variance,
                    one.document_variance,
                    one.residual_variance,
                    one.seeds,
                    one.documents,
                )
    return errors


def row(
    study: Study, key: Key, mean: t.Mean | None, levels: list[int], errors: Row, tests: int
) -> Row:
    """The columns of ``contrasts.csv`` but for the keys and the reason."""
    cell, test, of, against, words = key
    margin = math.nan if test == "ticket" else study.margin
    error = math.nan if test == "ticket" else errors.get((cell, of, against, words), math.nan)
    result: Row = {"levels": " ".join(map(str, levels)), "margin": margin}
    result["standard_error_with_documents"] = error
    if mean is None:
        with_documents = None if math.isnan(error) else NOT_TESTED
        return result | {
            **{"n": 0, "finding": NOT_TESTED},
            "finding_with_documents": with_documents,
        }
    p = p_within = math.nan
    finding = t.finding(mean, test, margin, tests)
    if not math.isnan(mean.error):
        p = t.p_two_sided(mean, -margin if test == "matching" else 0.0)
        p_within = t.p_within(mean, margin) if test == "difference" else math.nan
    both_sides = 2 if finding in (NO_DIFFERENCE, SMALLER) else 1
    names = ("low", "high"), ("family_low", "family_high")
    for (low, high), confidence in zip(
        names, (1 - t.ALPHA, 1 - both_sides * t.ALPHA / tests), strict=True
    ):
        result[low], result[high] = t.interval(mean, confidence)
    with_documents = t.Mean(mean.n, mean.effect, error, mean.df)
    return result | {
        "n": mean.n,
        "effect": mean.effect,
        "standard_error": mean.error,
        "df": mean.df,
        "p": p,
        "p_corrected": float(np.minimum(1, p * tests)),
        "p_equivalence": p_within,
        "p_equivalence_corrected": float(np.minimum(1, p_within * tests)),
        "minimum_detectable_effect": t.detectable(mean, tests),
        "finding": finding,
        "finding_with_documents": None
        if math.isnan(error)
        else t.finding(with_documents, test, margin, tests),
    }


def in_direction(finding: str, claim: Claim) -> str:
    """A contrast's verdict: its finding, read in the claim's direction."""
    if finding not in ("above", "below"):
        return finding
    direction = claim.get("direction", "above")
    return "supported" if direction in (finding, "different") else "contradicted"


def of_claim(study: Study, claim: Claim, verdicts: dict[Key, str]) -> str:
    """The verdict on a claim, from those on its contrasts."""
    cells: dict[str, list[str]] = {}
    for key in keys(study, claim):
        cells.setdefault(key[0], []).append(verdicts[key])
    tested = {c: must_all(v) for c, v in cells.items() if NOT_TESTED not in v}
    rule = claim["combine"]
    if rule == "any":
        return may_any(list(tested.values())) if tested else NOT_TESTED
    if rule == "every_cell":
        return must_all(list(tested.values())) if tested else NOT_TESTED
    which = 0 if rule == "every_corpus" else 1
    groups: dict[str, list[str]] = {}
    for cell, verdict in tested.items():
        groups.setdefault(study.cells[cell][which], []).append(verdict)
    if len(groups) < 2:
        return NOT_TESTED
    return must_all([may_any(group) for group in groups.values()])


def must_all(verdicts: list[str]) -> str:
    return "contradicted" if "contradicted" in verdicts else otherwise(verdicts)


def may_any(verdicts: list[str]) -> str:
    return "supported" if "supported" in verdicts else otherwise(verdicts)


def otherwise(verdicts: list[str]) -> str:
    distinct = set(verdicts)
    if len(distinct) == 1:
        return distinct.pop()
    if distinct == {NO_DIFFERENCE, SMALLER}:
        return NO_DIFFERENCE
    return "undecided" if "undecided" in distinct else "mixed"
