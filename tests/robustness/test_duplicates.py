"""Duplicates in users' files, as the networks see them, through ``download`` and ``tokenize``."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from own_corpus import Project, frame

from lottery.storage import paths, token_arrays

pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules")


def tokenized(project: Project, table: pd.DataFrame, **keys: Any) -> str:
    """What the two stages print for ``table`` as ``own.csv``; the second one may fail."""
    table.to_csv("own.csv", index=False)
    project.corpus("own.csv", **keys)
    assert not (line := project.download()).startswith("error"), line
    return project.tokenize()


def report() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(paths.corpus_report("own").read_text())
    return content


def of_digits(rows: int) -> pd.DataFrame:
    """Distinct reviews of words that are all in the vocabulary, so that their tokens differ too."""
    texts = [f"Film {number // 10} {number % 10}" for number in range(rows)]
    return frame(rows).assign(review=texts)


def documents(*splits: str) -> list[bytes]:
    """The token arrays of each document."""
    arrays = [token_arrays.read(paths.tokens("own"), split) for split in splits]
    return [
        row.tobytes() for part in arrays for row in np.split(part.ids, part.offsets[1:-1].tolist())
    ]


def in_capitals(texts: pd.Series) -> pd.Series:
    """Other texts, but the same words."""
    return texts.str.upper() + " "


def test_test_documents_are_not_those_of_training_in_capitals(project: Project) -> None:
    """As texts all of them differ."""
    training = of_digits(100).assign(part="train")
    same = training.head(40).assign(part="test")
    same["review"] = in_capitals(same.review)
    other = of_digits(120).tail(20).assign(part="test")
    output = tokenized(project, pd.concat([training, same, other]), split="part")
    assert "120 of 160 documents used (train 70, validation 30, test 20); dropped: 40 dup" in output
    assert not set(documents("test")) & set(documents("train", "validation"))
    line = tokenized(project, pd.concat([training, same]), split="part")
    assert line == (
        "error: own.csv: no test document remains: each of the 40 is a duplicate of a training "
        "document; correct the file, or use all documents with corpora.own.dedupe: false"
    )


def test_the_copy_in_training_is_used(project: Project) -> None:
    """Also if the one for testing comes first in the file."""
    training = frame(40).assign(part="train")
    copy = training.head(1).assign(part="test")
    other = frame(50).tail(10).assign(part="test")
    tokenized(project, pd.concat([copy, other, training]), split="part")
    counts = {split: part["documents"] for split, part in report()["splits"].items()}
    assert (counts["train"] + counts["validation"], counts["test"]) == (40, 10)


def test_the_split_is_drawn_after_duplicates_are_dropped(project: Project) -> None:
    rows = of_digits(100)
    copies = rows.assign(review=in_capitals(rows.review))
    tokenized(project, pd.concat([rows, copies]), test_fraction=0.2)
    assert len(set(documents("train", "validation", "test"))) == 100
    assert report()["splits"]["test"]["documents"] == 20


def test_contradictory_documents_are_all_dropped(project: Project) -> None:
    rows = frame(100)
    other = rows.head(7).assign(stars="y", review=in_capitals(rows.review.head(7)))
    contradictory = int((rows.stars.head(7) == "x").sum())
    output = tokenized(project, pd.concat([rows, other]))
    assert f"dropped: {7 - contradictory} duplicates, {2 * contradictory} contradictory" in output
    assert report()["contradictory"] == 2 * contradictory
    used = sum(part["documents"] for part in report()["splits"].values())
    assert used == 100 - contradictory


@pytest.mark.parametrize("split", [True, False])
def test_a_class_that_is_all_contradictory_is_named(project: Project, split: bool) -> None:
    rows = frame(40)
    twice = rows.head(4).assign(stars="z")
    table = pd.concat([rows, twice])
    keys = {}
    if split:
        test = frame(45).tail(5)
        table = pd.concat([table, test]).assign(part=["train"] * 44 + ["test"] * 5)
        keys = {"split": "part"}
    line = tokenized(project, table, **keys)
    kind = "training document" if split else "document"
    assert line == (
        f"error: own.csv: no {kind} of class 'z' remains: each of the 4 has the same words as a "
        "document of another class; correct the file, or use all documents with "
        "corpora.own.dedupe: false"
    )


def test_test_documents_that_are_all_dropped_for_two_reasons(project: Project) -> None:
    training = frame(40).assign(part="train")
    copies = training.head(3).assign(part="test")
    contradictory = training.tail(2).assign(part="test", stars=["y", "x"])
    line = tokenized(project, pd.concat([training, copies, contradictory]), split="part")
    assert (
        "no test document remains: 2 of 5: has the same words as a document of another class, "
        "3 of 5: is a duplicate of a training document; correct the file" in line
    )


def test_too_few_remain_and_the_reason_is_said(project: Project) -> None:
    rows = frame(40)
    rare = pd.DataFrame({"review": ["film 0", "FILM 0", "rare"], "stars": "z"})
    line = tokenized(project, pd.concat([rows, rare]))
    assert "own.csv: class 'z' has only 1 document here, but corpora.own.test_fraction 0.3" in line
    assert line.endswith(
        "(3 documents whose words are also in another class and 0 duplicates were dropped before)"
    )


def test_without_dedupe_all_are_used_and_counted(project: Project) -> None:
    rows = frame(100)
    copies = rows.head(10).assign(review=in_capitals(rows.review.head(10)))
    contradictory = rows.tail(4).assign(stars="z")
    table = pd.concat([rows, copies, contradictory])
    output = tokenized(project, table, dedupe=False)
    assert "114 of 114 documents used" in output
    assert "; not dropped: 10 duplicates, 8 contradictory documents" in output
    assert len(documents("train", "validation", "test")) == 114


def test_documents_that_are_equal_up_to_max_tokens_are_counted(project: Project) -> None:
    """They are used, since a longer ``max_tokens`` tells them apart."""
    start = [f"the plot of film {number}" for number in range(60)]
    table = pd.DataFrame({"review": start, "stars": ["x", "y"] * 30, "part": "train"})
    longer = table.head(9).assign(part="test")
    longer["review"] += " was dull"
    other = pd.DataFrame({"review": ["no"], "stars": "x", "part": "test"})
    output = tokenized(
        project, pd.concat([table, longer, other]), split="part", tokens={"max_tokens": 5}
    )
    assert (
        "9 documents equal another one in their first 5 tokens; 9 of them are test documents that "
        "equal a training document" in output
    )
    assert report()["splits"]["test"]["documents"] == 10


def test_near_duplicates_are_counted(project: Project) -> None:
    words = [f"w{number}" for number in range(40)]
    rows = [" ".join(words[n:] + words[:n] + [f"end{n}"]) for n in range(40)]
    table = pd.DataFrame({"review": rows, "stars": ["x", "y"] * 20, "part": "train"})
    near = table.head(6).assign(part="test", review=table.review.head(6) + " another end")
    far = table.tail(4).assign(part="test", review=[f"far {n} from all others" for n in range(4)])
    output = tokenized(project, pd.concat([table, near, far]), split="part")
    assert "6 of 10 test documents (60.0%) have a near-duplicate in training" in output


def test_the_report_is_written_beside_the_tokens(project: Project) -> None:
    tokenized(project, frame(100).assign(stars=["good"] * 90 + ["bad"] * 10))
    content = report()
    assert content["splits"]["test"]["of_class"] == {"bad": 3, "good": 27}
    assert content["documents_read"] == 100
    assert content["tokens_per_document"] == {"median": 2.0, "percentile_95": 2.0, "maximum": 2}
    assert content["warnings"] == []
    assert str(Path.cwd()) not in json.dumps(content)
