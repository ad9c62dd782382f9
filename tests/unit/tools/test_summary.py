"""The summary that make repro ends with: whole at 80 columns, and sane in a pipe."""

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT
from rich.console import Console

from lottery.config import grid
from lottery.storage import csv_tables, paths
from tools import summary

CELLS = ("rotten_tomatoes-cnn", "rotten_tomatoes-lstm")
REASON = "level 1 is more than 0.5 points below dense on validation"
NO_TICKET = "on validation the dense network is right for 98.0 %"


def dense_rows() -> list[dict[str, Any]]:
    row = {"n": 2, "classes": 2, "validation_accuracy": 72.0, "validation_majority": 50.0}
    row |= {"test_accuracy": 71.7, "std": 1.2, "test_majority": 50.04}
    row |= {"test_balanced_accuracy": 71.6, "test_macro_f1": 71.5, "no_ticket": np.nan}
    spam = {"test_majority": 98.0, "test_balanced_accuracy": 50.0, "no_ticket": NO_TICKET}
    return [{"cell": CELLS[0], **row}, {"cell": CELLS[1], **row, **spam}]


def ticket(cell: str, arm: str, **changes: Any) -> dict[str, Any]:
    row = {"level": 1, "sparsity": 0.99996, "n": 2, "test_accuracy": 71.84, "std": 0.953}
    row |= {"difference": -0.14, "difference_std": 0.31, "reason": np.nan}
    row |= {"test_balanced_accuracy": 71.0, "test_macro_f1": 71.0}
    return {"cell": cell, "arm": arm, **row, **changes}


def none(cell: str, arm: str, reason: str) -> dict[str, Any]:
    return ticket(cell, arm, **dict.fromkeys(("level", "sparsity", "difference"), np.nan)) | {
        "reason": reason
    }


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the stage select leaves, of two cells of the smoke profile."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / paths.PARAMS).write_text((ROOT / "profiles" / "smoke.yaml").read_text())
    tickets = [
        ticket(CELLS[0], "dense", sparsity=0.0),
        ticket(CELLS[0], "winning_ticket"),
        ticket(CELLS[0], "late_rewinding", sparsity=0.5),
        none(CELLS[0], "random_reinit", REASON),
        ticket(CELLS[1], "dense", sparsity=0.0),
        *(none(CELLS[1], arm, NO_TICKET) for arm in ("winning_ticket", "random_reinit")),
    ]
    verdicts = ["supported", "undecided", "undecided", "not tested"]
    claims = pd.DataFrame({"verdict": verdicts, "sentence": ["It [really] is so."] * 4})
    tables = {
        "dense": pd.DataFrame(dense_rows()),
        "tickets": pd.DataFrame(tickets),
        "claims": claims,
    }
    csv_tables.write_folder(paths.STATISTICS, tables)
    baseline = pd.DataFrame([{"model": "tfidf", "test_accuracy": 73.564, "bytes": 1000}])
    csv_tables.write_folder(grid.baseline_folder("rotten_tomatoes"), {"baseline": baseline})
    return tmp_path


def printed(cwd: Path, columns: int | None) -> str:
    """What the summary prints in a terminal so wide; in a pipe if that is None."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}", "TERM": "dumb"}
    environment.pop("COLUMNS", None)
    command = [sys.executable, "-m", "tools.summary"]
    if columns is None:
        done = subprocess.run(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, check=True)
        return done.stdout.decode()
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=theirs, stdin=theirs
    ) as process:
        os.close(theirs)
        output = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end was closed
                break
            if not piece:
                break
            output += piece
        assert process.wait() == 0
    os.close(ours)
    return output.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [80, None])
def test_a_row_per_ticket_whole_and_in_one_line(results: Path, columns: int | None) -> None:
    text = printed(results, columns)
    lines = text.splitlines()
    if columns:
        assert max(map(len, lines)) <= columns
    assert "…" not in text
    rows = [" ".join(line.split()) for line in lines]
    for row in (
        "rotten_tomatoes-cnn most frequent class 50.0",
        "rotten_tomatoes-cnn linear model (TF-IDF) 73.6",
        "rotten_tomatoes-cnn dense 0.0 % 71.8 ± 1.0",
        "rotten_tomatoes-cnn winning ticket 99.996 % 71.8 ± 1.0 −0.1 ± 0.3",
        "rotten_tomatoes-cnn late rewinding 50.0 % 71.8 ± 1.0 −0.1 ± 0.3",
        "rotten_tomatoes-cnn random reinit no ticket",
        "rotten_tomatoes-lstm most frequent class 98.0",
        "rotten_tomatoes-lstm winning ticket no ticket",
    ):
        assert row in rows, text


def test_reasons_and_verdicts_are_below_the_table(results: Path) -> None:
    lines = printed(results, None).splitlines()
    notes = [line for line in lines if line.startswith("note: ")]
    assert f"note: no ticket, because {REASON}: rotten_tomatoes-cnn random_reinit" in notes
    assert f"note: rotten_tomatoes-lstm: no ticket: {NO_TICKET}" in notes
    (unequal,) = (note for note in notes if "unequal" in note)
    assert "rotten_tomatoes-lstm: classes are unequal" in unequal
    assert "balanced accuracy is 50.0 % and macro-F1 71.5 %" in unequal
    claims = [line for line in lines if line.startswith("claim: ")]
    assert claims == [
        "claim: supported: It [really] is so.",
        "claim: 4 claims: 1 supported, 0 contradicted, 2 undecided, 1 not tested",
    ]
    assert lines.index(claims[0]) > lines.index(notes[-1])


def test_one_seed_has_no_spread() -> None:
    """And a cell of which every seed failed has no accuracy."""
    one = [ticket("a-cnn", "x", std=np.nan, difference_std=np.nan), none("a-cnn", "y", REASON)]
    dense = pd.DataFrame([{**dense_rows()[0], "cell": "a-cnn", "test_majority": np.nan}])
    console = Console(width=80, file=io.StringIO())
    console.print(summary.tickets_table(dense, pd.DataFrame(one), {}, 1))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "±" not in text
    assert "linear model" not in text, "none was fitted"
    assert "of one seed" in text
