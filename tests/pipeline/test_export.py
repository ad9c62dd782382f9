"""The stage export: a file of each cell that classifies text, and tables of what pruning costs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import SMOKE_CELLS, Repository, RunStage, refused

from lottery import metrics
from lottery.analysis import pruning_costs
from lottery.storage import logits, token_arrays
from lottery.tickets import Ticket, header

CELL = "rotten_tomatoes-cnn"
ARGUMENTS = CELL.split("-")
TABLES = ("ticket", "levels", "scores", "classes", "disagreements")


def ticket_path(project: Repository, cell: str = CELL) -> Path:
    return project.path / f"data/tickets/{cell}.ticket"


def tables(project: Repository, cell: str = CELL) -> dict[str, pd.DataFrame]:
    folder = project.path / f"plots/tickets/{cell}"
    assert {path.stem for path in folder.iterdir()} == set(TABLES)
    return {name: pd.read_csv(folder / f"{name}.csv") for name in TABLES}


def choose(project: Repository, level: int | None) -> None:
    """Make ``level`` of the winning ticket the chosen one."""
    path = project.path / f"plots/curves/{CELL}.csv"
    curve = pd.read_csv(path)
    curve["chosen"] = (curve.arm == "winning_ticket") & (curve.level == level)
    curve.to_csv(path, index=False)


def run_module(project: Repository, *command: str, stdin: str = "") -> tuple[int, str, str]:
    """Exit status, output and errors of a module of the repository's source."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project.path,
        env={**os.environ, "PYTHONPATH": "src"},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("cell", SMOKE_CELLS)
def test_each_cell_has_a_file_that_classifies(project: Repository, cell: str) -> None:
    path = str(ticket_path(project, cell))
    text = "a gripping , funny film"
    code, output, error = run_module(project, "lottery.tickets.predict", path, stdin=text)
    assert (code, error) == (0, "")
    label, probability = output.rstrip("\n").split("\t")
    expected = Ticket.load(path).predict([text])[0]
    assert label == expected.label in ("negative", "positive")
    assert probability == f"{expected.probability:.4f}"


@pytest.mark.parametrize("cell", SMOKE_CELLS)
def test_the_tables_describe_the_file(project: Repository, cell: str) -> None:
    written = tables(project, cell)
    (row,) = written["ticket"].to_dict("records")
    assert row["bytes"] == ticket_path(project, cell).stat().st_size
    assert row["test_accuracy"] == pytest.approx(row["evaluated_test_accuracy"], abs=0.5)
    assert list(written["levels"].level) == [0, 1, 2]
    assert written["levels"].bytes.is_monotonic_decreasing
    of_level = written["levels"].set_index("level").loc[row["level"]]
    assert of_level.bytes == row["bytes"]
    assert of_level.sparsity == pytest.approx(row["sparsity"], abs=1e-5)
    tracked = project.run("git", "ls-files").splitlines()
    assert {f"plots/tickets/{cell}/{name}.csv" for name in TABLES} <= set(tracked)
    assert not [name for name in tracked if name.endswith(".ticket")]


def test_the_same_bytes_again(project: Repository, stage: RunStage) -> None:
    """In another commit, too: a fresh clone that runs again shows no change."""
    before = ticket_path(project).read_bytes()
    project.run("git", "commit", "-q", "--allow-empty", "-m", "another")
    ticket_path(project).unlink()
    stage("export", *ARGUMENTS)
    assert ticket_path(project).read_bytes() == before
    assert project.run("git", "status", "--porcelain") == ""


@pytest.mark.parametrize("level", [1, 2])
def test_a_ticket_beside_dense(project: Repository, stage: RunStage, level: int) -> None:
    choose(project, level)
    assert "dense" not in stage("export", *ARGUMENTS)
    written = tables(project)
    assert written["ticket"].level.tolist() == [level]
    assert written["ticket"].note.isna().all()
    scores = written["scores"].set_index("network")
    curve = pd.read_csv(project.path / f"plots/curves/{CELL}.csv")
    curve = curve[curve.arm == "winning_ticket"]
    for name, number in {"dense": 0, "ticket": level}.items():
        rows = curve[curve.level == number]
        assert scores.accuracy[name] == pytest.approx(rows.test_accuracy.mean())
        assert scores.macro_f1[name] == pytest.approx(rows.test_macro_f1.mean())
    labels = token_arrays.read(project.path / "data/tokens/rotten_tomatoes", "test").labels
    file = project.path / f"data/logits/{CELL}-winning_ticket/seed-0.safetensors"
    answers = metrics.predictions(logits.read(file, "test").reshape(-1, 1)).reshape(3, -1)
    rows = written["disagreements"]
    assert len(rows) == min(10, (answers[0] != answers[level]).sum())
    assert (rows["class"] == labels[rows.document]).all()
    assert (rows.dense_class == answers[0][rows.document]).all()
    assert (rows.ticket_class == answers[level][rows.document]).all()
    by_class = written["classes"]
    weighted = np.average(by_class.ticket, weights=by_class.documents)
    assert weighted == pytest.approx(scores.accuracy["ticket"])


def test_without_a_ticket_the_dense_network_is_exported(
    project: Repository, stage: RunStage
) -> None:
    choose(project, None)
    output = stage("export", *ARGUMENTS)
    assert f"data/tickets/{CELL}.ticket: the dense network, because there is no ticket" in output
    written = tables(project)
    assert written["ticket"].sparsity.tolist() == [0]
    assert written["scores"].network.tolist() == ["dense"]
    assert written["classes"].empty
    assert written["disagreements"].empty
    assert Ticket.load(ticket_path(project)).header.sparsity == 0


def test_a_cell_whose_seeds_all_diverged_has_an_empty_file(
    project: Repository, stage: RunStage
) -> None:
    path = project.path / f"plots/curves/{CELL}.csv"
    curve = pd.read_csv(path)
    curve[curve.arm != "winning_ticket"].to_csv(path, index=False)
    assert "no file, because every seed diverged" in stage("export", *ARGUMENTS)
    assert ticket_path(project).read_bytes() == b""
    assert tables(project)["levels"].empty
    command = ("lottery.tickets.predict", str(ticket_path(project)))
    code, _, error = run_module(project, *command, stdin="text")
    assert code == 1
    assert error.startswith(f"error: {ticket_path(project)}: empty: its cell has no network")
    assert len(error.splitlines()) == 1


def test_a_network_that_a_ticket_cannot_contain(
    project: Repository, stage: RunStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipeline goes on, and says why there is no file."""
    monkeypatch.setattr(header, "MAX_ROWS", 100)
    output = stage("export", *ARGUMENTS)
    assert "no file: this network does not fit a ticket: 'words' is not as expected" in output
    assert ticket_path(project).read_bytes() == b""
    written = tables(project)
    assert written["levels"].bytes.isna().all()
    assert len(written["scores"])


def test_logits_of_another_run_are_refused(project: Repository, stage: RunStage) -> None:
    choose(project, 1)
    folder = project.path / "data/tokens/rotten_tomatoes"
    labels = np.load(folder / "test.labels.npy")
    offsets = np.load(folder / "test.offsets.npy")
    ids = np.load(folder / "test.ids.npy")[: offsets[-2]]
    for name, array in {"labels": labels[:-1], "offsets": offsets[:-1], "ids": ids}.items():
        np.save(folder / f"test.{name}.npy", array)
    output = stage("export", *ARGUMENTS)
    assert "seed-0.safetensors: does not fit" in output
    assert "Traceback" not in output


@pytest.mark.slow
def test_the_exact_values_predict_as_the_pipeline_did(project: Repository, tmp_path: Path) -> None:
    """The command, at every level of a seed that is not the first, against the stored logits."""
    folder = project.path / "data/tokens/rotten_tomatoes"
    documents, words = token_arrays.read(folder, "test"), token_arrays.read_words(folder)
    parts = np.split(np.asarray(documents.ids), documents.offsets[1:-1])
    texts = [[words[id] for id in part] for part in parts]
    path = tmp_path / "exact.ticket"
    for cell in SMOKE_CELLS:
        file = project.path / f"data/logits/{cell}-late_rewinding/seed-1.safetensors"
        for level, expected in enumerate(logits.read(file, "test")):
            code, output, error = run_module(
                project,
                *("lottery.tickets.export", *cell.split("-"), "--strategy", "late_rewinding"),
                *("--seed", "1", "--level", str(level), "--values", "float32", "-o", str(path)),
            )
            assert code == 0, error
            assert f"late_rewinding, seed 1, level {level}" in output
            actual = Ticket.load(path).logits_of_words(texts)
            np.testing.assert_allclose(actual, expected, atol=2e-5, rtol=2e-5)
            clear = np.abs(expected) > 1e-4  # of the sign, which is the class
            assert ((actual > 0) == (expected > 0))[clear].all()
    about = json.loads(run_module(project, "lottery.tickets.predict", str(path), "--about")[1])
    origin = about["provenance"]
    assert origin["commit"] == project.run("git", "rev-parse", "HEAD").strip()
    assert origin["params"]["prune"]["rate"] == 0.5
    assert origin["seed"] == 1


def test_disagreements_are_those_where_dense_was_surest() -> None:
    dense = np.array([[4.0], [1.0], [-3.0], [2.0]], np.float32)
    ticket = np.array([[-1.0], [-1.0], [2.0], [1.0]], np.float32)
    table = pruning_costs.disagreements(dense, ticket, np.array([1, 0, 1, 1]))
    assert table.document.tolist() == [2, 0, 1]
    assert table.ticket_class.tolist() == [1, 0, 0]
    assert table.dense_probability.tolist() == [0.9526, 0.982, 0.7311]


def test_an_empty_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"")
    refused(lambda: Ticket.load(tmp_path / "t"), "t: empty: its cell has no network")
