"""The benchmark of a GPU: that it runs, on a CPU with little work, and with few packages."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import NOT_ON_A_GPU_MACHINE, ROOT

from benchmarks import arithmetic, cells
from benchmarks.cells import CELLS
from benchmarks.gpu import __main__ as bench
from benchmarks.gpu import correctness, limits, precision, race
from benchmarks.gpu.contenders import Contender
from lottery.training import device


@pytest.fixture(autouse=True)
def few_short_documents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Four documents a batch, of a few random words, whatever corpora are there."""
    monkeypatch.setattr(race, "BATCH", 4)
    monkeypatch.setattr(race, "_MEAN_LENGTH", {"imdb": 6, "ag_news": 6})
    monkeypatch.setattr(cells, "WORKPLACE", tmp_path)


@pytest.mark.parametrize("name", ["imdb-cnn", "ag_news-lstm"])
def test_contenders_take_turns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    contenders = (
        Contender("study"),
        Contender("plain"),
        Contender("single"),
        Contender("lockstep", 2),
    )
    monkeypatch.setattr(race, "CONTENDERS", contenders)
    peaks = limits.measure("cpu", size=8, cached=64)
    assert set(peaks) == {*(f"{key}_tflops" for key in device.DTYPES), "l2_tb_per_s"}
    cell = replace(CELLS[name], rows=300)
    result = race.race(cell, "cpu", 2, 1, peaks)
    assert not result["real_documents"]
    rows = result["contenders"]
    assert list(rows) == ["study", "plain", "single 1 tf32", "lockstep 2 tf32"]
    for row in rows.values():
        low, high = row["spread"]
        assert 0 < low <= row["seconds"] <= high
        assert row["documents_per_s"] == pytest.approx(4 * row["networks"] / row["seconds"])
        assert "x" in bench._line(row)
    assert rows["single 1 tf32"]["over_one_after_the_other"] == 1
    assert rows["lockstep 2 tf32"]["share_of_products"] > 0
    assert ("share_of_l2" in rows["lockstep 2 tf32"]) == (cell.model == "lstm")


@pytest.mark.slow
def test_processes_train_side_by_side() -> None:
    cell = replace(CELLS["ag_news-cnn"], rows=300)
    documents, _ = race.documents(cell, 1)
    train = Contender("processes", 2).load(cell, documents, "cpu")
    train()
    train.close()  # type: ignore[attr-defined]


def test_the_errors_of_the_kernels_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU both are plain PyTorch."""
    for name, size in {"NETWORKS": 2, "LONGEST": 4, "DOCUMENTS": 3, "INPUTS": 5}.items():
        monkeypatch.setattr(correctness, name, size)
    errors = {name: correctness.errors("cpu", name, hidden=6) for name in device.DTYPES}
    for of_precision in errors.values():
        assert of_precision["ours"] == of_precision["plain"] > 0
    assert errors["float32"]["ours"] < 1e-5 < errors["bfloat16"]["ours"]
    assert correctness.same_windows("cpu")


def test_accuracy_is_measured_in_each_precision() -> None:
    cell = replace(CELLS["ag_news-cnn"], rows=300)
    splits = race.documents(cell, 16)[0], race.documents(cell, 4)[0]
    rows = precision.measure(cell, splits, 1, "cpu")
    assert [row["contender"] for row in rows] == ["plain", "float32", "tf32", "bfloat16"]
    for row in rows:
        assert len(row["test_accuracy"]) == 5
        assert row["mean"] == pytest.approx(np.mean(row["test_accuracy"]))
    assert rows[1]["test_accuracy"] == rows[2]["test_accuracy"], "TF32 is only a GPU's"


def test_a_group_streams_its_weights_once_per_step_and_tile() -> None:
    cell = CELLS["imdb-lstm"]
    documents, _ = race.documents(cell, 8)  # 32 documents: one batch
    longest = np.sort(documents.lengths)
    steps = longest[15] + longest[31]
    weights = 4 * 256 * 256 * 2
    assert arithmetic.streamed_bytes(documents, 16, 2) == 2 * 2 * 2 * weights * steps


def test_the_tile_is_that_of_the_kernels() -> None:
    triton = pytest.importorskip(
        "lottery.kernels.lstm_triton", reason="Triton is for Linux only", exc_type=ImportError
    )
    assert race.TILE == triton.TILE


def test_it_needs_few_packages() -> None:
    """A machine that is lent for a measurement has PyTorch, NumPy, Numba and safetensors."""
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({NOT_ON_A_GPU_MACHINE}))\n"
        "import runpy; sys.argv[1:] = ['--help']\n"
        "runpy.run_module('benchmarks.gpu', run_name='__main__')"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "make bench" in done.stdout
