"""Checkpoints, token arrays, vectors and texts that nobody should have written: one line each."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from helpers import ROOT, refused, write_tokens

from lottery.config import params
from lottery.config.grid import Run
from lottery.experiment import run_files
from lottery.models import EMBEDDING
from lottery.pipeline import build
from lottery.pipeline.jobs import evaluate, prune
from lottery.pipeline.reporter import Reporter
from lottery.pruning import masks
from lottery.storage import paths, tensors, token_arrays
from lottery.training import batches, initializers

CPU = torch.device("cpu")
REGENERATE = "run 'dvc repro' to regenerate it"
Weights = dict[str, torch.Tensor]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A working tree with tokens, a dense run and a pruning run of two levels, none of them
    trained; ``evaluate`` and ``prune`` do one seed's work of these stages."""
    settings = params.load(ROOT / "profiles" / "smoke.yaml")
    run = Run(settings, "rotten_tomatoes", "cnn", "winning_ticket")
    monkeypatch.chdir(tmp_path)
    write_tokens(run.tokens, documents=20)
    weights = initializers.draw(build.network(run), torch.Generator().manual_seed(0), 0.1)
    dense = paths.seed(run.dense_folder, 0)
    for state in run_files.STATES:
        tensors.save(weights, run_files.state_path(dense, state))
    pruning = paths.seed(run.pruning_folder, 0)
    pruned_at = masks.dense(weights, EMBEDDING, token_arrays.PAD)
    for level in (1, 2):
        pruned_at = masks.prune(weights, pruned_at, level, dict.fromkeys(weights, 0.5), "local")
        remaining = masks.survivors(weights, pruned_at, level)
        tensors.save(remaining, run_files.level_path(pruning, level))
    tensors.save(pruned_at, run_files.pruned_at_path(pruning))
    (pruning / run_files.TENSORS).write_text("level\n1\n2\n")
    (tmp_path / "out").mkdir()
    return SimpleNamespace(
        dense=dense,
        pruning=pruning,
        evaluate=lambda: evaluate.run_seed(run, tmp_path / "out", 0, Reporter(lambda report: None)),
        prune=lambda: prune.run_seed(run, tmp_path / "out", 0, Reporter(lambda report: None)),
    )


def other_shape(weights: Weights) -> Weights:
    return {**weights, "output_bias": torch.zeros(7)}


def transposed(weights: Weights) -> Weights:
    return {name: value.flatten()[:, None].clone() for name, value in weights.items()}


def double(weights: Weights) -> Weights:
    return {name: value.double() for name, value in weights.items()}


def whole_numbers(weights: Weights) -> Weights:
    return {**weights, "output_bias": torch.zeros(1, dtype=torch.int64)}


def missing(weights: Weights) -> Weights:
    return {name: value for name, value in weights.items() if name != EMBEDDING}


def extra(weights: Weights) -> Weights:
    return {**weights, "odd": torch.zeros(1, dtype=weights[EMBEDDING].dtype)}


def renamed(weights: Weights) -> Weights:
    return {name.replace("output", "Output"): value for name, value in weights.items()}


def nothing(weights: Weights) -> Weights:
    return {}


def not_a_number(weights: Weights) -> Weights:
    return {**weights, "output_bias": torch.full((1,), torch.nan)}


def infinite(weights: Weights) -> Weights:
    return {**weights, EMBEDDING: weights[EMBEDDING] - torch.inf}


SHAPES = [other_shape, transposed, missing, extra, renamed, nothing]
NUMBERS = [double, whole_numbers, not_a_number, infinite]
Change = Callable[[Weights], Weights]


def damage(path: Path, change: Change) -> None:
    safetensors.torch.save_file(change(safetensors.torch.load_file(path)), path)


@pytest.mark.parametrize("change", SHAPES + NUMBERS)
@pytest.mark.parametrize("state", run_files.STATES)
def test_a_dense_run_of_another_network(runs: Any, state: str, change: Change) -> None:
    """Pruning reads all three states, evaluation the last; the file is named before any work."""
    damage(run_files.state_path(runs.dense, state), change)
    refused(runs.prune, f"seed-0/{state}.safetensors: '", REGENERATE)
    if state == "final":
        refused(runs.evaluate, f"seed-0/{state}.safetensors: '", "run 'dvc repro'")
    assert not list(Path("out").iterdir())


@pytest.mark.parametrize("change", SHAPES + NUMBERS)
def test_a_level_that_does_not_fit(runs: Any, change: Change) -> None:
    path = run_files.level_path(runs.pruning, 2)
    damage(path, change)
    refused(runs.evaluate, str(path), REGENERATE)
    assert not list(Path("out").iterdir())


@pytest.mark.parametrize("change", [*SHAPES, double, whole_numbers])
def test_a_pruned_at_that_does_not_fit(runs: Any, change: Change) -> None:
    path = run_files.pruned_at_path(runs.pruning)
    damage(path, change)
    refused(runs.evaluate, str(path), REGENERATE)


def test_the_runs_that_are_damaged_above_are_good(runs: Any) -> None:
    rows = runs.evaluate()
    assert [row["level"] for row in rows["levels"]] == [0, 1, 2]
    assert list(Path("out").iterdir()) == [Path("out/seed-0.safetensors")]


def framed(header: bytes, content: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + content


def tensor(dtype: str, shape: list[int], end: int) -> bytes:
    return json.dumps({"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!DOCTYPE html><title>Not here</title>",
        (1 << 60).to_bytes(8, "little") + b"{}",
        framed(b"{]"),
        framed(b"\xff\xfe"),
        framed(tensor("F32", [2], 8), b"\0" * 4),
        framed(tensor("F32", [25 << 30], 100 << 30), b"\0" * 4),
        framed(tensor("F32", [1 << 40, 1 << 40], 4), b"\0" * 4),
        framed(tensor("F99", [1], 4), b"\0" * 4),
        framed(tensor("C64", [1], 8), b"\0" * 8),
        framed(tensor("F8_E4M3", [1], 1), b"\0"),
        framed(tensor("BOOL", [4], 4), b"\1\2\3\4"),
    ],
)
def test_files_that_are_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    refused(lambda: tensors.load(path), "w.safetensors: ", REGENERATE)
    assert path.read_bytes() == content


def set_ids(folder: Path, value: int) -> None:
    ids = np.load(folder / "train.ids.npy")
    ids[3] = value
    np.save(folder / "train.ids.npy", ids)


def set_offsets(folder: Path, *values: int) -> None:
    offsets = np.load(folder / "train.offsets.npy")
    offsets[3 : 3 + len(values)] = values
    np.save(folder / "train.offsets.npy", offsets)


def retyped(folder: Path, kind: str, dtype: str) -> None:
    path = folder / f"train.{kind}.npy"
    np.save(path, np.load(path).astype(dtype))


def reshaped(folder: Path) -> None:
    path = folder / "train.labels.npy"
    np.save(path, np.load(path)[:, None])


def emptied(folder: Path) -> None:
    for kind, size in (("ids", 0), ("offsets", 1), ("labels", 0)):
        path = folder / f"train.{kind}.npy"
        np.save(path, np.zeros(size, np.load(path).dtype))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda at: set_ids(at, 60),
            "train.ids.npy: contains the id 60, but the vocabulary has 60",
        ),
        (lambda at: set_ids(at, 65535), "train.ids.npy: contains the id 65535"),
        (lambda at: set_offsets(at, 99, 98), "do not fit together"),
        (lambda at: set_offsets(at, -5), "do not fit together"),
        (lambda at: set_offsets(at, 2**62, -(2**62)), "do not fit together"),
        (lambda at: set_offsets(at, *[2**62, -(2**63) + 5, -(2**62)]), "do not fit together"),
        (lambda at: retyped(at, "ids", "i8"), "train.ids.npy: int64"),
        (lambda at: retyped(at, "ids", "f4"), "train.ids.npy: float32"),
        (lambda at: retyped(at, "offsets", "u8"), "train.offsets.npy: uint64"),
        (lambda at: retyped(at, "labels", "f8"), "train.labels.npy: float64"),
        (reshaped, "train.labels.npy: int64 [90, 1], expected one dimension of int64"),
        (emptied, "train"),
    ],
)
def test_token_arrays_that_lie(
    tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    folder = write_tokens(tmp_path)
    batches.load(folder, "train", 30, CPU, 0)
    change(folder)
    refused(lambda: batches.load(folder, "train", 30, CPU, 0), message, REGENERATE)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<u2', 'fortran_order': False, 'shape': (50000000000,), }",
        "{'descr': '<u2', 'fortran_order': False, 'shape': (1" + "0" * 40 + ",), }",
        "{'descr': '<u2', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{{{",
        "__import__('os').abort()",
        "[" * 5000,
    ],
)
def test_array_headers_that_lie(tmp_path: Path, header: str) -> None:
    path = tmp_path / "train.ids.npy"
    content = header.encode() + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content + b"\0\0")
    refused(lambda: token_arrays.read_array(path), "train.ids.npy: damaged", REGENERATE)


def test_an_archive_instead_of_an_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    path = (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    refused(lambda: token_arrays.read_array(path), "a.npy: damaged")


def test_vectors_that_are_not_finite(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", np.array([[1, np.nan]], np.float32))
    path = tmp_path / "vectors.npy"
    refused(lambda: token_arrays.read_array(path), "vectors.npy: ", "not finite")
