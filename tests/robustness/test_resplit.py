"""``tokens.resplit`` through commands and files: what is stored with it, and what without."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_corpus import Project, frame

from lottery.storage import paths, token_arrays
from lottery.training import splits

pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules")
FOLDER = paths.tokens("own")


def tokenize(project: Project, **tokens: Any) -> dict[str, bytes]:
    """The files of ``data/tokens/own`` by name."""
    table = frame(60)
    # Each text has a word that no other has, so that the vocabulary tells whose words it has.
    table.assign(review=[f"film word{n}x {n}" for n in range(60)]).to_csv("own.csv", index=False)
    project.corpus("own.csv", tokens)
    for output in (project.download(), project.tokenize()):
        assert not output.startswith("error"), output
    return {path.name: path.read_bytes() for path in FOLDER.iterdir()}


def labels(split: str) -> list[int]:
    return token_arrays.read(FOLDER, split).labels.tolist()


def test_only_the_vocabulary_and_the_report_differ(project: Project) -> None:
    absent = tokenize(project, resplit=False)
    report = json.loads((FOLDER / "report.json").read_text())
    assert sorted(report) == ["classes", "vocabulary"]
    words = Path(FOLDER, "vocabulary.txt").read_text().split()
    counts = {split: len(labels(split)) for split in ("train", "validation", "test")}
    single_words = [word for word in words if word.startswith("word")]
    assert len(single_words) == counts["train"]
    document_labels = [labels(split) for split in counts]

    present = tokenize(project, resplit=True, split_seed=0)
    report = json.loads((FOLDER / "report.json").read_text())
    assert report["resplit"] == 0
    words = Path(FOLDER, "vocabulary.txt").read_text().split()
    single_words = [word for word in words if word.startswith("word")]
    assert len(single_words) == counts["train"] + counts["validation"]
    assert [labels(split) for split in counts] == document_labels
    assert sorted(present) == sorted(absent)
    # Of training and validation documents, every seed knows every word; of test documents none.
    for seed in (0, 1, 2):
        for split, unknown in (("train", 0), ("validation", 0), ("test", 1)):
            arrays = splits.read(FOLDER, split, seed)
            per_document = np.add.reduceat(arrays.ids == token_arrays.UNK, arrays.offsets[:-1])
            assert (per_document >= unknown).all()
            assert unknown or not per_document.any()


@pytest.mark.parametrize("content", ["[1]", '{"classes": ["a"], "vocabulary": 3, "resplit": "x"}'])
def test_a_report_that_is_damaged_is_named(project: Project, content: str) -> None:
    tokenize(project, resplit=True)
    (FOLDER / "report.json").write_text(content)
    line = project.run("stages.train", "own", "cnn")
    assert "report.json: damaged" in line
    assert "run 'dvc repro' to regenerate it" in line
