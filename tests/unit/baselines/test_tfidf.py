"""The linear baseline learns what is there to learn, and says how large it is."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import write_tokens
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from lottery.baselines import tfidf
from lottery.storage import token_arrays
from lottery.storage.token_arrays import TokenArrays

WORDS = [f"word{number}" for number in range(60)]


def read(folder: Path, **sizes: int) -> dict[str, TokenArrays]:
    tokens = write_tokens(folder, **sizes)
    return {split: token_arrays.read(tokens, split) for split in tfidf.SPLITS}


@pytest.mark.parametrize("classes", [2, 5])
def test_it_reads_the_words_that_tell_the_label(tmp_path: Path, classes: int) -> None:
    row = tfidf.table(read(tmp_path / "tokens", classes=classes, documents=500), WORDS)
    row = row.iloc[0]
    assert row.validation_accuracy > 80
    assert row.test_accuracy > 80
    outputs = 1 if classes == 2 else classes
    numbers = outputs * len(WORDS) + outputs + len(WORDS)
    assert row.bytes == 4 * numbers + len("\n".join(WORDS)) + 1


def test_labels_at_random_cannot_be_learned(tmp_path: Path) -> None:
    splits = read(tmp_path / "tokens", documents=400)
    random = np.random.default_rng(0)
    shuffled = {
        split: TokenArrays(arrays.ids, arrays.offsets, random.permutation(arrays.labels))
        for split, arrays in splits.items()
    }
    assert tfidf.table(shuffled, WORDS).test_accuracy[0] < 60


def test_the_test_split_decides_nothing(tmp_path: Path) -> None:
    splits = read(tmp_path / "tokens")
    before = tfidf.table(splits, WORDS).iloc[0]
    test = splits["test"]
    flipped = {**splits, "test": TokenArrays(test.ids, test.offsets, 1 - test.labels)}
    after = tfidf.table(flipped, WORDS).iloc[0]
    assert after.test_accuracy == pytest.approx(100 - before.test_accuracy)
    assert after.drop("test_accuracy").equals(before.drop("test_accuracy"))


def test_it_is_the_model_that_scikit_learn_fits_to_the_text(tmp_path: Path) -> None:
    """Some words are frequent in a document, and labels are half chance: each weight counts."""
    splits = read(tmp_path / "tokens", documents=400)
    random = np.random.default_rng(1)
    splits = {
        split: TokenArrays(
            np.minimum(arrays.ids, 2 + arrays.ids % 9).astype(np.uint16),
            arrays.offsets,
            np.where(random.random(400) < 0.5, random.permutation(arrays.labels), arrays.labels),
        )
        for split, arrays in splits.items()
    }
    texts = {
        split: [
            " ".join(WORDS[id] for id in arrays.ids[start:end])
            for start, end in pairwise(arrays.offsets.tolist())
        ]
        for split, arrays in splits.items()
    }
    row = tfidf.table(splits, WORDS).iloc[0]
    model = make_pipeline(
        TfidfVectorizer(analyzer=str.split, vocabulary=WORDS, sublinear_tf=True),
        LogisticRegression(C=row.inverse_regularization, max_iter=1000),
    )
    model.fit(texts["train"], splits["train"].labels)
    for split, accuracy in (("validation", row.validation_accuracy), ("test", row.test_accuracy)):
        expected = model.score(texts[split], splits[split].labels)
        assert accuracy == pytest.approx(100 * expected)


def test_the_same_arrays_give_the_same_table(tmp_path: Path) -> None:
    splits = read(tmp_path / "tokens")
    pd.testing.assert_frame_equal(
        tfidf.table(splits, WORDS), tfidf.table(splits, WORDS), check_exact=True
    )


def test_a_model_too_large_to_fit_is_not_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tfidf, "MAX_COEFFICIENTS", 119)
    table = tfidf.table(read(tmp_path / "tokens"), WORDS)
    assert table.test_accuracy.isna().all()
    assert "not fitted" in tfidf.sentence(table)
