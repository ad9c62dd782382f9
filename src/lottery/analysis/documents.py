"""How much of a difference is the luck of the test documents.

A t test over seeds says what other seeds would give on the same test documents. Other documents of
the same kind would give something else again. Here both are drawn at random: the difference of seed
s on document i is a mean, plus what is peculiar to the seed, to the document, and to both.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lottery.analysis import contrasts
from lottery.analysis.contrasts import Contrast
from lottery.analysis.level_range import LevelRange
from lottery.analysis.tidy import DENSE

COLUMNS = [
    *("cell", "of", "against", "sparsity", "levels", "seeds", "documents", "effect"),
    *("seed_variance", "document_variance", "residual_variance", "standard_error"),
]
IsRight = Mapping[int, Mapping[int, np.ndarray]]
"""By seed and level, whether each test document is predicted right: bool ``[documents]``."""


class Terms(NamedTuple):
    """The mean of a table of differences, and what its standard error is made of."""

    seeds: int
    documents: int
    effect: float
    seed_variance: float
    """Of the seeds' means."""
    document_variance: float
    """Of the documents' means."""
    residual_variance: float
    """Of what neither the seed nor the document explains."""
    standard_error: float


def terms(differences: np.ndarray) -> Terms:
    """The terms of ``differences``, ``[seeds, documents]`` in points; NaN with fewer than two of
    either.

    A two-way random-effects analysis of variance: with S seeds and N documents the squared standard
    error is ``seed_variance / S + document_variance / N - residual_variance / (S N)``, since the
    residual is in both of the others. It is never below that of the seeds alone,
    ``seed_variance / S``, which the t test has.
    """
    seeds, documents = differences.shape
    if min(seeds, documents) < 2:
        effect = float(differences.mean()) if differences.size else math.nan
        return Terms(seeds, documents, effect, *[math.nan] * 4)
    effect = differences.mean()
    of_seeds, of_documents = differences.mean(1), differences.mean(0)
    residuals = differences - of_seeds[:, None] - of_documents + effect
    residual = (residuals**2).sum() / ((seeds - 1) * (documents - 1))
    seed, document = of_seeds.var(ddof=1), of_documents.var(ddof=1)
    squared = seed / seeds + document / documents - residual / (seeds * documents)
    error = math.sqrt(max(squared, seed / seeds))
    return Terms(seeds, documents, *map(float, (effect, seed, document, residual, error)))


def table(
    required: Mapping[Contrast, LevelRange], is_right: Mapping[str, IsRight], sparsity: pd.Series
) -> pd.DataFrame:
    """The terms of each contrast, with the columns :data:`COLUMNS`; those not run are left out.

    ``is_right`` is by arm, with level 0 of a seed as its dense network; ``sparsity`` is the mean
    sparsity by arm and level. Seeds that lack one of the levels are left out, as in the t test.
    """
    rows: list[dict[str, Any]] = []
    arms = set(sparsity.index.get_level_values(0))  # of an arm that failed there is none
    for contrast, levels in required.items():
        of, against = contrast.of, contrast.against
        if not {of, against} - {DENSE} <= arms:
            continue
        chosen = contrasts.chosen_levels(levels, sparsity, of, against)
        if not chosen:
            continue
        keys = {name: getattr(contrast, name) for name in COLUMNS[:4]}
        differences = _differences(is_right, of, against, chosen)
        text = " ".join(map(str, chosen))
        rows.append({**keys, "levels": text, **terms(differences)._asdict()})
    return pd.DataFrame(rows, columns=COLUMNS)


def _differences(
    is_right: Mapping[str, IsRight], of: str, against: str, levels: Sequence[int]
) -> np.ndarray:
    """In points, averaged over ``levels``: float64 ``[seeds, documents]``."""
    other = is_right[of] if against == DENSE else is_right[against]
    rows = []
    for seed, by_level in is_right[of].items():
        pairs = [(level, 0 if against == DENSE else level) for level in levels]
        if seed in other and all(a in by_level and b in other[seed] for a, b in pairs):
            each = [by_level[a].astype(float) - other[seed][b] for a, b in pairs]
            rows.append(100 * np.mean(each, axis=0))
    return np.array(rows) if rows else np.empty((0, 0))


def required_of(
    arm: str, winning_ticket: str, required: Mapping[Contrast, LevelRange]
) -> dict[Contrast, LevelRange]:
    """The contrasts that are measured with the logits of ``arm`` and of the winning ticket.

    Each contrast is one arm's: of the two that it compares, the one that is neither dense nor the
    winning ticket. One of two such arms is nobody's; its verdict has no document term.
    """
    chosen: dict[tuple[str, ...], Contrast] = {}
    for contrast in required:
        others = {contrast.of, contrast.against} - {DENSE, winning_ticket}
        if contrast.test != "ticket" and others == ({arm} - {winning_ticket}):
            chosen.setdefault((contrast.of, contrast.against, contrast.sparsity), contrast)
    return {contrast: required[contrast] for contrast in chosen.values()}
