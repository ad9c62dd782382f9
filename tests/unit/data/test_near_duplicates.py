"""Duplicates and near-duplicates, against the definitions applied to each pair."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lottery.data.text import duplicates, near_duplicates, tokenized

WORDS = [f"w{number}" for number in range(20)]


def of(texts: list[str]) -> tokenized.Tokenized:
    return tokenized.of(texts, str.split)


def is_near(one: str, other: str) -> bool:
    """By the definition."""
    sets = [
        {tuple(words[start : start + 4]) for start in range(len(words) - 3)}
        for words in (one.split(), other.split())
    ]
    common, union = len(sets[0] & sets[1]), len(sets[0] | sets[1])
    return union > 0 and 5 * common > 4 * union


@st.composite
def edited(draw: st.DrawFn) -> list[str]:
    """Some texts, each the one before with a few words changed, or another one."""
    texts: list[list[str]] = []
    for _ in range(draw(st.integers(2, 8))):
        if texts and draw(st.booleans()):
            words = list(draw(st.sampled_from(texts)))
            for _ in range(draw(st.integers(0, 2))):
                start = draw(st.integers(0, max(len(words) - 1, 0)))
                words[start : start + draw(st.integers(0, 1))] = draw(
                    st.lists(st.sampled_from(WORDS), max_size=2)
                )
        else:
            words = draw(st.lists(st.sampled_from(WORDS), max_size=40))
        texts.append(words)
    return [" ".join(words) for words in texts]


@given(texts=edited(), data=st.data())
def test_near_duplicates_are_those_of_the_definition(texts: list[str], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(texts) - 1))
    order = np.array(data.draw(st.permutations(range(len(texts)))))
    training, test = order[:count], order[count:]
    expected = sum(any(is_near(texts[row], texts[other]) for other in training) for row in test)
    counted = near_duplicates.count(of(texts), training, test)
    assert counted == {"test_documents": expected}


@pytest.mark.parametrize(("more", "near"), [(8, True), (9, False), (10, False)])
def test_a_similarity_of_four_fifths_is_not_above_it(more: int, near: bool) -> None:
    """39 words have 36 4-grams; with nine words more, 36 of 45 are common."""
    words = [f"w{number}" for number in range(60)]
    texts = [" ".join(words[:39]), " ".join(words[: 39 + more])]
    for training, test in ((0, 1), (1, 0)):
        counted = near_duplicates.count(of(texts), np.array([training]), np.array([test]))
        assert counted == {"test_documents": int(near)}


@pytest.mark.parametrize(("length", "near"), [(38, False), (39, False), (40, True)])
def test_one_word_in_the_middle_costs_four_grams(length: int, near: bool) -> None:
    """39 words have 36 4-grams, so 32 of 40 are common: four fifths, and not above it."""
    words = [f"w{number}" for number in range(length)]
    texts = [" ".join(words), " ".join([*words[:19], "other", *words[20:]])]
    counted = near_duplicates.count(of(texts), np.array([0]), np.array([1]))
    assert counted == {"test_documents": int(near)}


def test_what_is_too_large_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = of(["a b c d e"] * 4)
    rows = np.arange(4)
    monkeypatch.setattr(near_duplicates, "MAX_PAIRS", 3)
    counted = near_duplicates.count(documents, rows[:2], rows[2:])
    assert counted == {"test_documents": None, "not_counted": "4 pairs to compare, at most 3"}
    monkeypatch.setattr(near_duplicates, "MAX_TOKENS", 19)
    counted = near_duplicates.count(documents, rows[:2], rows[2:])
    assert counted == {"test_documents": None, "not_counted": "20 tokens, counted up to 19"}


DOCUMENT = st.tuples(
    st.lists(st.sampled_from("ab"), max_size=3),
    st.integers(0, 2),
    st.sampled_from(["train", "test"]),
)


@given(documents=st.lists(DOCUMENT, min_size=1, max_size=20), has_split=st.booleans())
def test_duplicates_are_those_of_the_definition(
    documents: list[tuple[list[str], int, str]], has_split: bool
) -> None:
    texts = [" ".join(words) for words, _, _ in documents]
    table = pd.DataFrame({"label": [label for _, label, _ in documents]})
    table["split"] = [split if has_split else None for _, _, split in documents]
    doubles = duplicates.find(of(texts), table)
    used: set[tuple[str, int]] = set()
    order = sorted(range(len(texts)), key=lambda row: has_split and documents[row][2] == "test")
    for row in order:
        labels = {table.label[other] for other, text in enumerate(texts) if text == texts[row]}
        assert doubles.contradictory[row] == (len(labels) > 1)
        key = (texts[row], table.label[row])
        assert doubles.copies[row] == (len(labels) == 1 and key in used)
        used.add(key)


@given(
    texts=st.lists(st.text("ab ", max_size=12), min_size=1, max_size=12),
    limit=st.integers(1, 4) | st.none(),
    data=st.data(),
)
def test_taking_and_cutting(texts: list[str], limit: int | None, data: st.DataObject) -> None:
    rows: Any = data.draw(st.lists(st.integers(0, len(texts) - 1)))
    taken = of(texts).cut(limit).take(np.array(rows, np.int64))
    words = [taken.words[number] for number in taken.numbers]
    assert words == [word for row in rows for word in texts[row].split()[:limit]]
    assert taken.lengths.tolist() == [len(texts[row].split()[:limit]) for row in rows]
