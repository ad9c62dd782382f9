"""``python -m tools.disagreements`` prints the texts of the documents in the tables."""

import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from helpers import ROOT

from lottery.config import params
from lottery.data import corpus_table
from lottery.data.corpus_table import CorpusTable
from lottery.data.text import tokenize
from lottery.storage import csv_tables, paths
from tools import disagreements

CELL = "rotten_tomatoes-cnn"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> params.Params:
    """A corpus with a duplicate, of which the test documents are numbered without it."""
    monkeypatch.chdir(tmp_path)
    document = yaml.safe_load((ROOT / "profiles/smoke.yaml").read_text())
    del document["models"]["lstm"], document["train"]["lstm"]
    del document["train"]["rotten_tomatoes-lstm"]
    document["tokens"]["documents"] = None
    Path("params.yaml").write_text(yaml.safe_dump(document))
    rows = [(f"number {n} of\ttraining", n % 2, "train") for n in range(40)]
    rows += [("number 1 of training", 1, "test")]
    rows += [(f"test text {n}" + " word" * 100 * (n == 2), n % 2, "test") for n in range(4)]
    frame = pd.DataFrame(rows, columns=["text", "label", "split"])
    table = CorpusTable(frame, ["bad", "go\nod"])
    corpus_table.write(table, paths.corpus_table("rotten_tomatoes"))
    return params.load(Path("params.yaml"))


def write(documents: list[int]) -> None:
    rows = [(number, 0, 1, 0.75, 0, 0.625) for number in documents]
    columns = "document class dense_class dense_probability ticket_class ticket_probability"
    folder = paths.ticket_tables(CELL)
    csv_tables.write_folder(
        folder,
        {
            "disagreements": pd.DataFrame(rows, columns=columns.split()),
            "ticket": pd.DataFrame({"seed": [3], "sparsity": [0.5]}),
        },
    )


def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setattr(sys, "argv", ["disagreements"])
    disagreements.main()
    return capsys.readouterr().out.splitlines()


def test_documents_and_texts(
    settings: params.Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write([2, 0])
    lines = printed(monkeypatch, capsys)
    assert lines[0] == f"{CELL}, seed 3, 50.0 % sparse:"
    assert lines[1] == "  test document 2, bad: dense says go od (0.75), the ticket bad (0.62)"
    assert lines[2].startswith("    test text 2 word word")
    assert len(lines[2]) == 4 + disagreements.LONGEST
    assert lines[4] == "    test text 0"


def test_none(
    settings: params.Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write([])
    assert printed(monkeypatch, capsys) == [
        f"{CELL}: no ticket changes the class of a test document"
    ]


def test_a_table_of_another_run(
    settings: params.Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write([4])
    with pytest.raises(SystemExit, match=r"disagreements\.csv: of another run; run 'dvc repro'"):
        printed(monkeypatch, capsys)


def test_texts_are_in_the_order_of_the_token_arrays(settings: params.Params) -> None:
    """Without the copy of a training document that the token arrays lack."""
    table = corpus_table.load(paths.corpus_table("rotten_tomatoes"))
    documents = tokenize.words_of(table, settings.tokens)
    arrays, words, _ = tokenize.tokenize(table, documents, settings.tokens, True, "corpora.x")
    test_set = arrays["test"]
    texts = tokenize.test_texts(table, settings.tokens, True, "corpora.x")
    assert len(texts) == len(test_set.labels) == 4
    for number, text in enumerate(texts):
        ids = test_set.ids[test_set.offsets[number] : test_set.offsets[number + 1]]
        numbers = [words[id] for id in ids if words[id] in "0123"]
        assert numbers == [str(number)]
        assert text.startswith(f"test text {number}")
