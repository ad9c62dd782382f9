"""The verdict on each claim, from what its contrasts show.

A contrast's finding, read in the claim's direction, is its verdict: *supported*, *contradicted*,
*no difference beyond the margin*, *a difference smaller than the margin*, *undecided* or *not
tested*. A claim's verdict follows from its contrasts' verdicts by logic alone. So if all findings
are right, as they are 95 times in 100, all verdicts on claims are.
"""

from collections.abc import Mapping

import pandas as pd

from lottery.analysis.claims import Claim
from lottery.analysis.contrasts import KEYS, Contrast
from lottery.analysis.family import ABOVE, BELOW, NO_DIFFERENCE, NOT_TESTED, SMALLER, UNDECIDED

SUPPORTED, CONTRADICTED = "supported", "contradicted"
MIXED = "mixed"
COUNTED = {
    "supported": SUPPORTED,
    "contradicted": CONTRADICTED,
    "no_difference": NO_DIFFERENCE,
    "smaller": SMALLER,
    "undecided": UNDECIDED,
    "not_tested": NOT_TESTED,
}
"""The columns that count a claim's contrasts, by their verdict."""
WITH_DOCUMENTS = "verdict_with_documents"
COLUMNS = ["claim", "sentence", "verdict", WITH_DOCUMENTS, *COUNTED]
OF_CONTRASTS = ["claim", *KEYS, "verdict", WITH_DOCUMENTS]

Cells = Mapping[str, tuple[str, str]]
"""The corpus and the model of each cell, by the cell's name."""


def of_contrasts(required: list[tuple[Claim, Contrast]], contrasts: pd.DataFrame) -> pd.DataFrame:
    """One row per claim and contrast that it needs, with the columns :data:`OF_CONTRASTS`.

    ``required`` comes from :func:`lottery.analysis.contrasts.needed`, ``contrasts`` from
    :func:`lottery.analysis.contrasts.contrasts`.
    """
    findings = contrasts.set_index(KEYS)[["finding", "finding_with_documents"]]
    rows = []
    for claim, contrast in required:
        finding, with_documents = findings.loc[contrast]
        verdicts = _in_direction(finding, claim), _in_direction(with_documents, claim)
        rows.append((claim.id, *contrast, *verdicts))
    return pd.DataFrame(rows, columns=OF_CONTRASTS)


def _in_direction(finding: str, claim: Claim) -> str:
    if finding in (ABOVE, BELOW):
        return SUPPORTED if claim.direction in (finding, "different") else CONTRADICTED
    return finding


def of_claims(claims: tuple[Claim, ...], by_contrast: pd.DataFrame, cells: Cells) -> pd.DataFrame:
    """One row per claim: its verdict, and how many of its contrasts have which verdict.

    The columns are :data:`COLUMNS`, in the order of the claims. The verdict with documents takes
    those of the contrasts, where they are known. ``by_contrast`` comes from :func:`of_contrasts`.
    """
    rows = []
    for claim in claims:
        rows_of = by_contrast[by_contrast.claim == claim.id]
        with_documents = rows_of[WITH_DOCUMENTS].fillna(rows_of.verdict)
        both = (
            combined(list(zip(rows_of.cell, verdicts, strict=True)), claim.combine, cells)
            for verdicts in (rows_of.verdict, with_documents)
        )
        counts = [int((rows_of.verdict == verdict).sum()) for verdict in COUNTED.values()]
        rows.append((claim.id, claim.sentence, *both, *counts))
    return pd.DataFrame(rows, columns=COLUMNS)


def combined(of_cells: list[tuple[str, str]], rule: str, cells: Cells) -> str:
    """The verdict on a claim, from (cell, verdict) of its contrasts, by a rule of ``claims.yaml``.

    Within a cell all contrasts must agree; a cell without one of them is not tested and does not
    count. The rule sorts cells into groups: one supported cell supports its group. All groups must
    agree. A claim about every model or corpus is not tested with fewer than two of them.
    """
    by_cell: dict[str, list[str]] = {}
    for cell, verdict in of_cells:
        by_cell.setdefault(cell, []).append(verdict)
    groups: dict[str, list[str]] = {}
    for cell, verdicts in by_cell.items():
        if NOT_TESTED not in verdicts:
            groups.setdefault(_group(cell, rule, cells), []).append(_all_of(verdicts))
    if len(groups) < (2 if rule in ("every_model", "every_corpus") else 1):
        return NOT_TESTED
    return _all_of([_any_of(verdicts) for verdicts in groups.values()])


def _all_of(verdicts: list[str]) -> str:
    """Of what must hold everywhere: one contradiction contradicts it."""
    return _joined(set(verdicts), CONTRADICTED)


def _any_of(verdicts: list[str]) -> str:
    """Of what must hold somewhere: one support supports it."""
    return _joined(set(verdicts), SUPPORTED)


def _joined(verdicts: set[str], decisive: str) -> str:
    if decisive in verdicts:
        return decisive
    if len(verdicts) == 1:
        return next(iter(verdicts))
    if UNDECIDED in verdicts:
        return UNDECIDED
    return NO_DIFFERENCE if verdicts == {NO_DIFFERENCE, SMALLER} else MIXED


def _group(cell: str, rule: str, cells: Cells) -> str:
    """The group that ``cell`` counts in.

    With the rules every_cell and any, ``cell`` may also be a pair of cells, "one vs other".
    """
    if rule == "every_cell":
        return cell
    if rule == "any":
        return ""
    corpus, model = cells[cell]
    return model if rule == "every_model" else corpus
