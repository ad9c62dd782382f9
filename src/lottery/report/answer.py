"""The answer in three sentences, made from the verdicts."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from lottery.analysis.contrasts import KEYS
from lottery.analysis.family import NO_DIFFERENCE, NOT_TESTED, SMALLER, UNDECIDED
from lottery.analysis.verdicts import CONTRADICTED, MIXED, SUPPORTED
from lottery.config.grid import WINNING_TICKET
from lottery.report.formats import factor, fixed, share, signed, span
from lottery.report.names import CORPORA, MODELS, cell_title, count, listing

Row = dict[str, Any]
EXAMPLES = 2
"""How many claims of a verdict are quoted at most, and how many cells are named."""
IMPOSSIBLE = 100
"""In points: no accuracy is further from another."""


def sentences(claims: pd.DataFrame, contrasts: pd.DataFrame, levels: pd.DataFrame) -> list[str]:
    """Whether a ticket matches, what else was found, what is open; none if nothing was tested.

    The tables are those of :class:`lottery.report.content.Content`.
    """
    if claims.empty or (claims.verdict == NOT_TESTED).all():
        return []
    matches = _matches(contrasts)
    return [
        _match(matches, levels),
        _found(claims, contrasts, set(matches.claim)),
        _open(claims, contrasts),
    ]


def _matches(contrasts: pd.DataFrame) -> pd.DataFrame:
    """The tests of whether a winning ticket exists: all rows, of the range that comes first."""
    is_match = (contrasts.test == "matching") & (contrasts.of == WINNING_TICKET)
    rows = contrasts[is_match]
    return rows[rows.sparsity == rows.sparsity.iloc[0]] if len(rows) else rows


def _match(rows: pd.DataFrame, levels: pd.DataFrame) -> str:
    """Whether a rewound subnetwork matches dense, with a word for those who read no further."""
    rows = rows.drop_duplicates(KEYS)
    rows = rows[rows.verdict != NOT_TESTED]
    if rows.empty:
        return "Whether a winning ticket matches its dense network was not tested."
    margin = fixed(rows.margin.iloc[0], 1)
    phrases = {
        SUPPORTED: f"is at most {margin} points less accurate than the dense one on {{}}",
        CONTRADICTED: f"is more than {margin} points less accurate than the dense one on {{}}",
        UNDECIDED: f"may or may not stay within {margin} points of the dense one on {{}}",
    }
    verdicts = [verdict for verdict in phrases if (rows.verdict == verdict).any()]
    words: dict[tuple[str, ...], str] = {
        (SUPPORTED,): "Yes",
        (CONTRADICTED,): "No",
        (UNDECIDED,): "Undecided",
        (SUPPORTED, UNDECIDED): "Yes, where decided",
        (CONTRADICTED, UNDECIDED): "No, where decided",
    }
    clauses = [
        phrases[verdict].format(_cells(rows[rows.verdict == verdict], len(rows)))
        for verdict in verdicts
    ]
    return (
        f"{words.get(tuple(verdicts), 'It depends')}: with {_remaining(rows, levels)} of the "
        f"weights, rewound to their initial values, the network {'; it '.join(clauses)}."
    )


def _cells(rows: pd.DataFrame, total: int) -> str:
    if len(rows) > EXAMPLES:
        number = "all" if len(rows) == total else f"{count(len(rows))} of"
        return f"{number} {count(total, 'cell')} ({effects(rows)})"
    named = [f"{cell_title(row.cell)} ({_points([row.effect])})" for row in rows.itertuples()]
    return listing(named)


def _remaining(rows: pd.DataFrame, levels: pd.DataFrame) -> str:
    """The share of weights at the levels that were compared."""
    level = rows.levels.astype(str).str.partition(" ")[0].astype(float)
    compared = set(zip(rows.cell, rows.of, level, strict=True))
    keys = zip(levels.cell, levels.arm, levels.level.astype(float), strict=True)
    sparsity = levels.sparsity[[key in compared for key in keys]]
    if sparsity.empty:
        return "part"
    return span(1 - sparsity.max(), 1 - sparsity.min(), _percent)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.0f} %" if 0.1 <= fraction < 0.995 else share(fraction)


def _found(claims: pd.DataFrame, contrasts: pd.DataFrame, answered: set[str]) -> str:
    """How many claims are decided, with examples that the first sentence does not have."""
    contrasts_of = {
        str(claim): tuple(map(tuple, rows[KEYS].to_numpy()))
        for claim, rows in contrasts.groupby("claim", sort=False)
    }
    keys = claims.claim.map(contrasts_of)
    quotable = claims[~claims.claim.isin(answered) & ~keys.duplicated()]
    clauses: list[str] = []
    for verdict, word in (
        (SUPPORTED, "supported"),
        (CONTRADICTED, "contradicted"),
        (SMALLER, "decided otherwise: the difference is smaller than the margin"),
        (NO_DIFFERENCE, "decided otherwise: there is no difference beyond the margin"),
    ):
        number = int((claims.verdict == verdict).sum())
        if not number:
            continue
        rows = quotable[quotable.verdict == verdict]
        quoted = [
            f"that {_clause(row.sentence)}{_effects_of(contrasts, row.claim, verdict)}"
            for row in rows.head(EXAMPLES).itertuples()
        ]
        of = f" of {count(len(claims), 'claim')}" if not clauses else ""
        text = f"{count(number)}{of} {'is' if number == 1 else 'are'} {word}"
        link = ": " if number == len(quoted) else ", such as "
        clauses.append(text + (link + listing(quoted) if quoted else ""))
    if not clauses:
        return f"None of the {count(len(claims), 'claim')} is decided."
    text = "; ".join(clauses)
    return f"{text[0].upper()}{text[1:]}."


def _open(claims: pd.DataFrame, contrasts: pd.DataFrame) -> str:
    """What is not decided, and what could have been."""
    undecided, mixed = (int((claims.verdict == word).sum()) for word in (UNDECIDED, MIXED))
    untested = int((claims.verdict == NOT_TESTED).sum())
    parts = []
    if undecided:
        verb = "stays" if undecided == 1 else "stay"
        parts.append(f"{count(undecided)} {verb} undecided: {power(contrasts)}")
    if mixed:
        verb = "is" if mixed == 1 else "are"
        parts.append(f"{count(mixed)} {verb} mixed: what was found differs between cells")
    if untested:
        verb = "was" if untested == 1 else "were"
        reason = "the run lacks the arms, levels or cells"
        parts.append(f"{count(untested)} {verb} not tested, because {reason}")
    if not parts:
        return "None stays undecided."
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def power(contrasts: pd.DataFrame) -> str:
    """What so many seeds could have found, of the contrasts in points that are undecided."""
    tested = contrasts[(contrasts.verdict == UNDECIDED) & (contrasts.test != "ticket")]
    tested = tested.drop_duplicates(KEYS)
    if tested.empty:
        return "the tickets of two cells vary too much between seeds"
    seeds = int(tested.n.max())
    if seeds < 2:
        return "with one seed nothing can be decided"
    least = float(tested.minimum_detectable_effect.median())
    with_seeds = f"with {count(seeds, 'seed')}"
    if not least <= IMPOSSIBLE:
        return f"{with_seeds} no difference in accuracy could have been found"
    tests = "half of the tests find" if len(tested) > 1 else "the test finds"
    return f"{with_seeds}, {tests} only differences above {fixed(least, 1)} points"


def effects(rows: pd.DataFrame) -> str:
    """The effects of contrasts from the smallest to the largest, in their unit."""
    if (rows.test == "ticket").all():
        return span(rows.effect.min(), rows.effect.max(), factor)
    return _points([rows.effect.min(), rows.effect.max()])


def _effects_of(contrasts: pd.DataFrame, claim: str, verdict: str) -> str:
    rows = contrasts[(contrasts.claim == claim) & (contrasts.verdict == verdict)]
    return f" ({effects(rows)})" if rows.effect.notna().any() else ""


def _points(values: Iterable[float]) -> str:
    low, *rest = values
    return f"{span(low, rest[-1] if rest else low, lambda value: signed(value, 1))} points"


def _clause(sentence: str) -> str:
    """A claim's sentence as a part of another one: without its period and its capital.

    Names and abbreviations stay as they are.
    """
    text = sentence.strip().removesuffix(".")
    first = text.partition(" ")[0]
    names = {word for title in (*CORPORA.values(), *MODELS.values()) for word in title.split()}
    is_name = first in names or first[1:] != first[1:].lower()
    return text if is_name else text[:1].lower() + text[1:]
