"""Splits of a seed: disjoint, complete, with the same shares of the classes; another per seed."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import write_tokens
from hypothesis import given
from hypothesis import strategies as st

from lottery.storage import token_arrays
from lottery.storage.token_arrays import TokenArrays
from lottery.training import splits

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=200).map(np.array)


@given(
    labels=LABELS,
    data=st.data(),
    split_seed=st.integers(0, 2**31 - 1),
    seed=st.integers(0, 2**31 - 1),
)
def test_each_class_has_its_count(
    labels: np.ndarray, data: st.DataObject, split_seed: int, seed: int
) -> None:
    sizes = np.bincount(labels)
    classes = data.draw(st.integers(1, len(sizes)))  # the last labels may not be in validation
    counts = np.array([data.draw(st.integers(0, int(size))) for size in sizes[:classes]])
    drawn = splits.validation_rows(labels, counts, split_seed, seed)
    of_label = np.bincount(labels[drawn], minlength=len(sizes))
    assert of_label[:classes].tolist() == counts.tolist()
    assert not of_label[classes:].any()
    again = splits.validation_rows(labels, counts, split_seed, seed)
    assert np.array_equal(drawn, again)


def test_each_document_is_drawn_equally_often() -> None:
    labels = np.array([0, 1, 0, 1, 0, 1, 0])
    times = sum(
        splits.validation_rows(labels, np.array([2, 1]), 3, seed).astype(int)
        for seed in range(3000)
    )
    expected = 3000 * np.where(labels == 0, 2 / 4, 1 / 3)
    assert (abs(times - expected) < 140).all()  # their standard deviation is 27


def documents(arrays: TokenArrays) -> list[tuple[int, ...]]:
    """Each document's label and ids."""
    texts = np.split(arrays.ids, arrays.offsets[1:-1])
    return [(int(label), *text.tolist()) for label, text in zip(arrays.labels, texts, strict=True)]


def with_resplit(folder: Path, split_seed: int | None) -> Path:
    report = json.loads((folder / "report.json").read_text())
    content = {**report, "resplit": split_seed} if split_seed is not None else report
    (folder / "report.json").write_text(json.dumps(content))
    return folder


def test_seeds_split_the_same_documents_in_other_ways(tmp_path: Path) -> None:
    folder = write_tokens(tmp_path, classes=3)
    stored = {name: token_arrays.read(folder, name) for name in ("train", "validation", "test")}
    pool = sorted(documents(stored["train"]) + documents(stored["validation"]))
    with_resplit(folder, 4)
    seen = []
    for seed in range(4):
        one = {name: splits.read(folder, name, seed) for name in stored}
        assert sorted(documents(one["train"]) + documents(one["validation"])) == pool
        assert documents(one["test"]) == documents(stored["test"])
        for name, arrays in one.items():
            assert np.array_equal(np.bincount(arrays.labels), np.bincount(stored[name].labels))
            for kind in ("ids", "offsets", "labels"):
                assert getattr(arrays, kind).dtype == getattr(stored[name], kind).dtype
            again = splits.read(folder, name, seed)
            assert documents(again) == documents(arrays)
        seen.append(tuple(documents(one["validation"])))
    with_resplit(folder, 5)
    seen.append(tuple(documents(splits.read(folder, "validation", 0))))
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("seed", [0, 1])
def test_without_resplit_the_split_is_the_stored_one(tmp_path: Path, seed: int) -> None:
    folder = with_resplit(write_tokens(tmp_path), None)
    for name in ("train", "validation", "test"):
        stored = token_arrays.read(folder, name)
        assert documents(splits.read(folder, name, seed)) == documents(stored)
