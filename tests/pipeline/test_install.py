"""The package as pip installs it: its commands, and an environment with nothing else in it."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, SMOKE_CELLS, Repository

from lottery.config import params
from lottery.data import corpus_table
from lottery.data.text import tokenize
from lottery.storage import logits

pytestmark = pytest.mark.slow
CORPUS = SMOKE_CELLS[0].partition("-")[0]
LEVEL = 2
COPIES = 5
"""Of each text, so that there are enough tokens for Numba as well."""
BASE = {"numpy", "numba", "llvmlite", "safetensors", "regex"}
"""The four that the package needs, and what Numba needs."""
CLEAR = 1e-4
"""A logit further from zero than this has the same sign in any order of its sums."""


def run(command: Sequence[object], cwd: Path, stdin: str = "", **environment: str) -> str:
    """What a command prints. Raises AssertionError with its errors if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a copy of the tree, since a build leaves folders behind."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, tree)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, tree], folder)
    (path,) = folder.glob("lottery-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel beside the packages of this environment, which are all."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run([*pip, "install", "--no-deps", "--target", folder, wheel], folder)
    return folder


@pytest.fixture(scope="module")
def tickets(
    finished: Repository, installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A file of each cell, with exact values, that the installed ``lottery-export`` wrote."""
    folder = tmp_path_factory.mktemp("tickets")
    paths = {cell: folder / f"{cell}.ticket" for cell in SMOKE_CELLS}
    for cell, path in paths.items():
        options = ["--level", LEVEL, "--values", "float32", "-o", path]
        command = [installed / "bin/lottery-export", *cell.split("-"), *options]
        output = run(command, finished.path, PYTHONPATH=str(installed))
        assert f"level {LEVEL}, " in output
    return paths


@pytest.fixture(scope="module")
def texts(finished: Repository) -> list[str]:
    """The test documents, as lines."""
    settings = params.load(finished.path / "params.yaml")
    table = corpus_table.load(finished.path / f"data/raw/{CORPUS}.parquet")
    rows = tokenize.test_texts(table, settings.tokens, True, CORPUS)
    return [" ".join(text.split()) for text in rows]


def assert_same_labels(finished: Repository, cell: str, output: str, texts: list[str]) -> None:
    """The labels in ``output``, a line per text, are those of the pipeline's stored logits."""
    file = finished.path / f"data/logits/{cell}-winning_ticket/seed-0.safetensors"
    expected = logits.read(file, "test")[LEVEL, :, 0]
    labels = [line.split("\t")[0] for line in output.splitlines()]
    assert len(labels) == COPIES * len(texts)
    is_positive = np.array([label == "positive" for label in labels]).reshape(COPIES, -1)
    clear = abs(expected) > CLEAR
    assert clear.mean() > 0.95
    assert (is_positive == (expected > 0))[:, clear].all()
    assert set(labels) <= {"negative", "positive"}


@pytest.mark.parametrize("cell", SMOKE_CELLS)
def test_the_commands_that_pip_installs(
    finished: Repository, installed: Path, tickets: dict[str, Path], texts: list[str], cell: str
) -> None:
    stdin = "\n".join(texts * COPIES)
    command = [installed / "bin/lottery-predict", tickets[cell]]
    output = run(command, installed, stdin, PYTHONPATH=str(installed))
    assert_same_labels(finished, cell, output, texts)


@pytest.fixture(scope="module")
def empty(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment with the wheel and what pip installs for it, in the versions
    of the lock."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder / "env", with_pip=True)
    lock = (ROOT / "requirements.lock").read_text()
    (folder / "pins.txt").write_text("\n".join(re.findall(r"^[^ #]\S*==\S+", lock, re.M)))
    bin = folder / "env" / "bin"
    pip = [str(bin / "python"), "-m", "pip", "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "-c", str(folder / "pins.txt"), str(wheel)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if re.search(r"NewConnectionError|name resolution|ConnectTimeout", done.stderr):
        pytest.skip("needs the package index")
    assert done.returncode == 0, done.stderr
    listed = json.loads(run([*pip, "list", "--format", "json"], folder))
    assert {package["name"] for package in listed} == BASE | {"lottery", "pip", "setuptools"}
    return bin


@pytest.mark.parametrize("cell", SMOKE_CELLS)
def test_nothing_but_the_base_dependencies(
    finished: Repository,
    empty: Path,
    tickets: dict[str, Path],
    texts: list[str],
    cell: str,
    tmp_path: Path,
) -> None:
    stdin = "\n".join(texts * COPIES)
    output = run([empty / "lottery-predict", tickets[cell]], tmp_path, stdin, PYTHONPATH="")
    assert_same_labels(finished, cell, output, texts)


def test_the_export_says_what_it_needs(empty: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [empty / "lottery-export", "a", "b", "-o", "c"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: the package pydantic is not installed.")
    assert done.stderr.endswith("pip install '.[pipeline]' in its folder\n")
    assert done.stderr.count("\n") == 1
