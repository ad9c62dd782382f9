"""The answer in three sentences: true of the verdicts, whatever they are."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_content import frame

from lottery.analysis.family import NO_DIFFERENCE, NOT_TESTED, SMALLER, UNDECIDED
from lottery.analysis.verdicts import CONTRADICTED, MIXED, SUPPORTED
from lottery.report import answer
from lottery.report.names import COUNTS, cell_title

VERDICTS = [SUPPORTED, CONTRADICTED, SMALLER, NO_DIFFERENCE, MIXED, UNDECIDED, NOT_TESTED]
ONE, OTHER = "reuters_r8-cnn", "reuters_r8-lstm"
EXISTS = "exists"
SENTENCE = {
    EXISTS: "Winning tickets that match the dense network exist.",
    "beats": "Winning tickets beat fresh weights.",
    "twin": "Winning tickets beat fresh weights, too.",
    "late": "Late rewinding beats all.",
    "lstm": "LSTMs like it.",
    "place": "Reuters is easy.",
    "cells": "How sparse the ticket is differs.",
}


def contrast(claim: str, verdict: str, effect: float = 1.0, **changes: Any) -> dict[str, Any]:
    keys = {"claim": claim, "cell": ONE, "test": "difference", "of": "winning_ticket"}
    keys |= {"against": claim, "sparsity": "0.5 to 0.9", "levels": "1 2"}
    numbers = {"n": 6, "effect": effect, "margin": 0.5, "minimum_detectable_effect": 2.0}
    return {**keys, **numbers, "verdict": verdict, **changes}


def match(verdict: str, cell: str = ONE, effect: float = -0.2, **changes: Any) -> dict[str, Any]:
    against = {"test": "matching", "against": "dense", "sparsity": "first from 0.36"}
    claim = changes.pop("claim", EXISTS)
    return contrast(claim, verdict, effect, **{**against, "cell": cell, "levels": "1", **changes})


def levels(sparsity: float = 0.5) -> pd.DataFrame:
    rows = [
        {"cell": cell, "arm": "winning_ticket", "level": level, "sparsity": level * sparsity}
        for cell in (ONE, OTHER)
        for level in (0, 1)
    ]
    return frame("levels", rows)


def said(verdicts: dict[str, str], *contrasts: dict[str, Any], **tables: Any) -> list[str]:
    """The sentences of claims with these verdicts."""
    claims = frame(
        "claims",
        [
            {"claim": name, "sentence": SENTENCE[name], "verdict": verdict}
            for name, verdict in verdicts.items()
        ],
    )
    return answer.sentences(
        claims, frame("contrasts", list(contrasts)), tables.get("levels", levels())
    )


@pytest.mark.parametrize(
    ("verdicts", "start", "words"),
    [
        (
            (SUPPORTED, SUPPORTED),
            "Yes: ",
            ["is at most 0.5 points less accurate than the dense one"],
        ),
        ((CONTRADICTED, CONTRADICTED), "No: ", ["is more than 0.5 points less accurate"]),
        ((UNDECIDED, UNDECIDED), "Undecided: ", ["may or may not stay within 0.5 points"]),
        ((SUPPORTED, NOT_TESTED), "Yes: ", ["is at most 0.5"]),
        ((SUPPORTED, UNDECIDED), "Yes, where decided: ", ["is at most 0.5", "it may or may not"]),
        ((CONTRADICTED, UNDECIDED), "No, where decided: ", ["is more than", "it may or may not"]),
        ((SUPPORTED, CONTRADICTED), "It depends: ", ["is at most 0.5", "it is more than"]),
        ((NOT_TESTED, NOT_TESTED), "Whether a winning ticket matches its dense", ["not tested"]),
    ],
)
def test_whether_it_matches(verdicts: tuple[str, str], start: str, words: list[str]) -> None:
    rows = [match(verdict, cell) for verdict, cell in zip(verdicts, (ONE, OTHER), strict=True)]
    first = said({EXISTS: verdicts[0], "beats": UNDECIDED}, *rows, contrast("beats", UNDECIDED))[0]
    assert first.startswith(start)
    for phrase in words:
        assert phrase in first
    for verdict, cell in zip(verdicts, (ONE, OTHER), strict=True):
        assert (f"{cell_title(cell)} (−0.2 points)" in first) == (verdict != NOT_TESTED)
    if verdicts[0] != NOT_TESTED:
        assert "with 50 % of the weights, rewound to their initial values" in first


def test_a_ticket_at_another_sparsity_is_not_the_first_sentence() -> None:
    """Late rewinding and "a fifth is enough" are matches, too; the question is the first level."""
    rows = [
        match(SUPPORTED),
        match(CONTRADICTED, claim="beats", sparsity="nearest 0.8", levels="2"),
        match(CONTRADICTED, claim="late", of="late_rewinding"),
    ]
    first, second, _ = said({EXISTS: SUPPORTED, "beats": CONTRADICTED, "late": CONTRADICTED}, *rows)
    assert first.startswith("Yes: ")
    assert "two are contradicted: that winning tickets beat fresh weights (−0.2 points)" in second


def test_many_cells_are_counted() -> None:
    rows = [
        match(SUPPORTED, f"{name}-cnn", effect)
        for name, effect in zip("abcd", range(4), strict=True)
    ]
    assert "on all four cells (0.0 to +3.0 points)" in said({EXISTS: SUPPORTED}, *rows)[0]
    rows[0] |= {"verdict": UNDECIDED}
    first = said({EXISTS: SUPPORTED}, *rows)[0]
    assert "on three of four cells (+1.0 to +3.0 points)" in first
    assert (
        f"it may or may not stay within 0.5 points of the dense one on {cell_title('a-cnn')}"
        in first
    )


def test_what_was_found_is_quoted_with_its_effects() -> None:
    rows = [
        match(SUPPORTED),
        contrast("beats", SUPPORTED, 1.94),
        contrast("beats", SUPPORTED, 4.2, cell=OTHER),
        contrast("beats", UNDECIDED, 9.0, cell="x-cnn"),
        contrast("late", CONTRADICTED, -1.1),
    ]
    verdicts = {EXISTS: SUPPORTED, "beats": SUPPORTED, "late": CONTRADICTED}
    second, third = said(verdicts, *rows)[1:]
    assert second == (
        "Two of three claims are supported, such as that winning tickets beat fresh weights "
        "(+1.9 to +4.2 points); one is contradicted: that late rewinding beats all (−1.1 points)."
    )
    assert third == "None stays undecided."


def test_claims_of_the_same_contrasts_are_quoted_once() -> None:
    rows = [contrast("beats", SUPPORTED), contrast("twin", SUPPORTED, against="beats")]
    second = said({"beats": SUPPORTED, "twin": SUPPORTED}, *rows)[1]
    assert "Two of two claims are supported, such as that winning tickets beat" in second
    assert "too" not in second


def test_names_keep_their_capitals() -> None:
    rows = [contrast("lstm", SUPPORTED), contrast("place", CONTRADICTED)]
    second = said({"lstm": SUPPORTED, "place": CONTRADICTED}, *rows)[1]
    assert "that LSTMs like it" in second
    assert "that Reuters is easy" in second


def test_a_difference_between_tickets_is_a_factor() -> None:
    rows = [contrast("cells", SUPPORTED, 1.5, test="ticket", cell=f"{ONE} vs {OTHER}")]
    assert "differs (×2.8)" in said({"cells": SUPPORTED}, *rows)[1]


@pytest.mark.parametrize("verdict", [SMALLER, NO_DIFFERENCE])
def test_what_is_within_the_margin_is_said(verdict: str) -> None:
    second = said({"beats": verdict}, contrast("beats", verdict, 0.1))[1]
    word = "smaller than" if verdict == SMALLER else "no difference beyond"
    assert word in second
    assert "that winning tickets beat fresh weights (+0.1 points)" in second


@pytest.mark.parametrize(
    ("seeds", "least", "words"),
    [
        (6, [1.0, 2.0, 50.0], "with six seeds, half of the tests find only differences above 2.0"),
        (6, [2.0], "with six seeds, the test finds only differences above 2.0 points"),
        (2, [287.0], "with two seeds no difference in accuracy could have been found"),
        (2, [np.nan], "with two seeds no difference in accuracy could have been found"),
        (1, [np.nan], "with one seed nothing can be decided"),
    ],
)
def test_why_all_is_undecided(seeds: int, least: list[float], words: str) -> None:
    rows = [
        contrast(
            "beats", UNDECIDED, n=seeds, minimum_detectable_effect=value, cell=f"c{number}-cnn"
        )
        for number, value in enumerate(least)
    ]
    decided = contrast("late", SUPPORTED, n=seeds, minimum_detectable_effect=0.1)
    _, second, third = said({"beats": UNDECIDED}, *rows)
    assert second == "None of the one claim is decided."
    assert third.startswith(f"One stays undecided: {words}")
    mixed = said({"beats": UNDECIDED, "late": SUPPORTED}, *rows, decided)[2]
    assert words in mixed, "the power of what was decided does not count"


def test_no_claim_has_no_answer() -> None:
    assert said({}) == []
    assert said({"beats": NOT_TESTED}, contrast("beats", NOT_TESTED)) == []


@given(st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=6))
def test_every_mix_of_verdicts_is_counted(verdicts: list[str]) -> None:
    """Each claim is counted once, with its verdict; and no number is missing from a sentence."""
    named = dict(zip(list(SENTENCE)[1:], verdicts, strict=False))
    rows = [contrast(name, verdict) for name, verdict in named.items()]
    sentences = said(named, *rows)
    if set(verdicts) == {NOT_TESTED}:
        assert sentences == []
        return
    assert len(sentences) == 3
    text = " ".join(sentences)
    assert "nan" not in text and "–" not in text
    assert all(sentence[0].isupper() and sentence[-1] == "." for sentence in sentences)
    for verdict, word in ((SUPPORTED, "supported"), (CONTRADICTED, "contradicted")):
        number = verdicts.count(verdict)
        ending = f" {'is' if number == 1 else 'are'} {word}"
        if number:
            assert COUNTS[number] in sentences[1].partition(ending)[0].split(";")[-1].lower()
        else:
            assert ending not in sentences[1]
    still, mixed = verdicts.count(UNDECIDED), verdicts.count(MIXED)
    assert sentences[2].lower().startswith(f"{COUNTS[still]} stay") == bool(still)
    assert (
        f"{COUNTS[mixed]} {'is' if mixed == 1 else 'are'} mixed" in sentences[2].lower()
    ) == bool(mixed)
