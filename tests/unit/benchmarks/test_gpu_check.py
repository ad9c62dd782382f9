"""The check for a GPU: that it runs, on a CPU and little work, and with few packages installed."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from helpers import NOT_ON_A_GPU_MACHINE, ROOT

from benchmarks import gpu_check, gpu_operations
from benchmarks.cells import CELLS, Cell
from lottery.models import cnn, lstm
from lottery.training import device


def small(cell: Cell) -> cnn.Options | lstm.Options:
    if cell.model == "cnn":
        return cnn.Options(filters=4, widths=(3, 4, 5))
    return lstm.Options(hidden=5, layers=2)


def test_all_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU neither TF32 nor PyTorch's mode changes a result."""
    monkeypatch.setattr(Cell, "options", small)
    monkeypatch.setattr(gpu_check, "BATCH", 2)
    for name in ("DOCUMENTS", "TOKENS", "FILTERS", "HIDDEN", "ROWS", "DIM"):
        monkeypatch.setattr(gpu_operations, name, 6)
    for name in ("imdb-cnn", "imdb-lstm"):
        monkeypatch.setitem(CELLS, name, replace(CELLS[name], rows=300))
    results: dict[str, Any] = gpu_check.check("cpu", 1, 1)
    errors = results["relative_error"]
    assert errors["float32"] == errors["tf32"]
    assert 0 < max(errors["float32"].values()) < 1e-5
    assert results["same_bytes_twice"] == {"imdb-cnn": True, "imdb-lstm": True}
    assert results["chunk_warnings"] == {"float32": 0, "bfloat16": 0}
    assert len(results["step_ms"]) == 2 * 3
    for table in ("step_ms", "gradient_ms"):
        for times in results[table].values():
            assert min(times["repeatable"], times["free"]) > 0
    assert all(len(table) == 12 for table in results["cnn_step_ms_by_operation"].values())


def test_it_needs_few_packages() -> None:
    """A machine that is lent for a check has PyTorch, NumPy, Numba and safetensors."""
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({NOT_ON_A_GPU_MACHINE}))\n"
        "import runpy; sys.argv[1:] = ['--help']\n"
        "runpy.run_module('benchmarks.gpu_check', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "five minutes" in done.stdout


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("precision", "least", "most"), [("float32", 0, 1e-5), ("tf32", 1e-5, 1)])
def test_only_tf32_rounds_on_a_gpu(precision: str, least: float, most: float) -> None:
    for error in gpu_operations.errors("cuda", precision).values():
        assert least < error < most


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", device.DTYPES)
def test_an_lstm_trains_on_a_gpu_without_a_warning(precision: str) -> None:
    assert gpu_check.chunk_warnings("cuda", CELLS["ag_news-lstm"], precision) == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", CELLS)
def test_the_same_bytes_twice_on_a_gpu(name: str) -> None:
    assert gpu_check.same_bytes("cuda", CELLS[name], 2)
