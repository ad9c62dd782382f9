"""Corpora in languages that the default tokenizer cannot split, and documents without end."""

import itertools
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from own_corpus import Project, frame

from lottery.config import params
from lottery.data import corpus_report
from lottery.report import collect
from lottery.storage import paths, token_arrays
from tools import summary

pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules")

LETTERS = {
    "Chinese": "好吃很优雅味道服务环境",
    "Japanese": "とても美味しいカッコー良",
    "Thai": "อร่อยมากไม่แพงเลย",
}
UNICODE = "set tokens.tokenizer: unicode"


def sentences(letters: str, space: str = "") -> pd.DataFrame:
    """120 reviews, each another order of some letters, with ``space`` between them."""
    orders = itertools.islice(itertools.permutations(letters, 6), 0, 120 * 97, 97)
    return frame(120).assign(review=[space.join(order) for order in orders])


def tokenize(project: Project, table: pd.DataFrame, **tokens: Any) -> str:
    """What the stage prints for ``table``; its progress bar left out."""
    table.to_csv("own.csv", index=False)
    project.corpus("own.csv", tokens=tokens)
    assert not (line := project.download()).startswith("error"), line
    return project.tokenize()


def report() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(paths.corpus_report("own").read_text())
    return content


@pytest.mark.parametrize("language", LETTERS)
def test_text_without_spaces_is_warned_of_and_can_be_split(project: Project, language: str) -> None:
    table = sentences(LETTERS[language])
    output = tokenize(project, table)
    assert "warning: 100% of the documents have at most one token" in output
    assert UNICODE in output
    assert report()["warnings"][0] in output
    for tokenizer in ("unicode", "character"):
        output = tokenize(project, table, tokenizer=tokenizer)
        assert "warning" not in output
        assert report()["tokens_per_document"]["median"] > 3
        assert report()["splits"]["test"]["in_vocabulary"] == 1.0


def test_text_with_few_spaces_is_warned_of(project: Project) -> None:
    """Two phrases each, as with a comma: more than one token, but none is in the vocabulary."""
    table = sentences(LETTERS["Chinese"])
    table["review"] += ", " + table.review.sample(frac=1, random_state=0).str[::-1].to_numpy()
    output = tokenize(project, table)
    assert "of the test tokens are in the vocabulary; if words are not separated by" in output
    assert UNICODE in output


def test_another_tokenizer_is_not_advised_to_itself(project: Project) -> None:
    table = frame(120).assign(review=[f"word{number}" for number in range(120)])
    output = tokenize(project, table, tokenizer="unicode")
    assert "warning: 100% of the documents" in output
    assert UNICODE not in output
    assert "choose another tokens.tokenizer, such as character" in output


def test_words_between_spaces_are_not_warned_of(project: Project) -> None:
    assert "warning" not in tokenize(project, sentences("abcdefghijk", " "))


def test_the_summary_and_the_page_say_it_too(project: Project) -> None:
    tokenize(project, sentences(LETTERS["Chinese"]))
    settings = params.load(Path("params.yaml"))
    note = next(summary.notes(settings, pd.DataFrame(), pd.DataFrame()))
    assert note.startswith("own: ")
    assert UNICODE in note
    page = collect._data("own", corpus_report.load("own"), {})
    assert f"Warning: {note.removeprefix('own: ')}. " in page["note"]


def test_an_unknown_tokenizer(project: Project) -> None:
    frame(100).to_csv("own.csv", index=False)
    project.corpus("own.csv", tokens={"tokenizer": "unicod"})
    project.download()
    for line in (project.check(), project.tokenize()):
        assert "unknown tokenizer 'unicod'; did you mean 'unicode'?" in line


def test_a_document_far_longer_than_all_others(project: Project) -> None:
    table = frame(100)
    table.loc[12, "review"] = "word " * 20_000
    output = tokenize(project, table, max_tokens=None)
    assert "own: warning: row 13 of own.csv has 20,000 tokens, so an epoch may take" in output
    assert "set tokens.max_tokens" in output
    table.loc[40, "review"] = "word word " * 20_000
    output = tokenize(project, table, max_tokens=30_000)
    assert "row 41 of own.csv has 30,000 tokens (and 1 more documents over 10,000)" in output
    assert "warning" not in tokenize(project, table, max_tokens=500)
    arrays = token_arrays.read(paths.tokens("own"), "train")
    assert (arrays.offsets[1:] - arrays.offsets[:-1]).max() <= 500
