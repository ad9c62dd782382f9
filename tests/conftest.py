"""Fixtures: a small corpus as tokens, and a copy of the project as a real repository."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import settings
from torch import nn

# As a stage sets it for one thread; Numba reads it when it is imported.
os.environ["NUMBA_NUM_THREADS"] = "1"

from lottery import cells, files
from lottery.errors import LotteryError
from lottery.models import cnn, lstm

ROOT = Path(__file__).resolve().parents[1]
DOWNLOADS = Path(os.environ.get("LOTTERY_DOWNLOADS", ROOT / "data" / "downloads"))
torch.set_num_threads(1)
# A shell has its background jobs ignore it, and what they start: then no test could interrupt one.
signal.signal(signal.SIGINT, signal.default_int_handler)
# No deadline: machines are shared. The same examples each time where nobody is there to look.
settings.register_profile("project", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("project")


LONG = ("test_pipeline.py", "test_faults.py")
"""Files that take minutes: with one a worker from the start, none is left to end alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first; ``--no-loadscope-reorder`` keeps this order."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture(scope="session", autouse=True)
def shared_downloads() -> None:
    """Wheels are fetched once for all tests, and kept for the next run."""
    os.environ["LOTTERY_DOWNLOADS"] = str(DOWNLOADS)


@pytest.fixture
def mirror() -> Path:
    """The official archives, or a part of them, where somebody has them."""
    folder = os.environ.get("LOTTERY_MIRROR")
    if not folder:
        pytest.skip("needs the official archives: set LOTTERY_MIRROR to a folder with them")
    return Path(folder)


def refused(call: Callable[[], object], *words: str) -> None:
    """``call`` raises LotteryError in one line that holds all of ``words``."""
    with pytest.raises(LotteryError) as error:
        call()
    line = str(error.value)
    assert "\n" not in line
    for word in words:
        assert word in line, line


def write_tokens(
    folder: Path, classes: int = 2, words: int = 60, documents: int = 90, seed: int = 0
) -> Path:
    """Token arrays of documents whose label shows in their words, so that there is a signal."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "validation", "test"):
        labels = np.arange(documents) % classes
        lengths = random.integers(1, 14, documents)
        texts = [random.integers(2, words, length) for length in lengths]
        for text, label in zip(texts, labels, strict=True):
            text[0] = 2 + label
        np.save(folder / f"{part}.ids.npy", np.concatenate(texts).astype(np.uint16))
        np.save(folder / f"{part}.offsets.npy", np.concatenate([[0], lengths.cumsum()]))
        np.save(folder / f"{part}.labels.npy", labels.astype(np.int64))
    names = [f"class {number}" for number in range(classes)]
    files.write_json(folder / "report.json", {"classes": names, "vocabulary": words})
    np.save(folder / "vectors.npy", random.normal(size=(words, 6)).astype(np.float32))
    np.save(folder / "covered.npy", (np.arange(words) % 3 == 2))
    return folder


MODELS: dict[str, tuple[Any, Any]] = {
    "cnn": (cnn, cnn.Options(filters=4, widths=(3, 4, 5))),
    "lstm": (lstm, lstm.Options(hidden=5, layers=2)),
}


def make_network(rows: int, seed: int) -> nn.Module:
    """A small CNN whose weights, biases and embedding are all drawn, and none is zero."""
    module, options = MODELS["cnn"]
    model: nn.Module = module.build(options, rows, 6, 2)
    generator = torch.Generator().manual_seed(seed)
    for value in model.parameters():
        value.data.uniform_(0.1, 1, generator=generator)
    return model


@pytest.fixture
def make_cell(tmp_path: Path) -> Callable[..., cells.Cell]:
    """A cell over synthetic tokens: ``make_cell("cnn", epochs=2, budget="full")``."""

    def make(model: str = "cnn", classes: int = 2, **changes: Any) -> cells.Cell:
        folder = write_tokens(tmp_path / f"tokens-{classes}", classes)
        module, options = MODELS[model]
        settings = SimpleNamespace(
            vocabulary=50, dim=6, embedding="random", embedding_std=0.5, dropout=0.3
        )
        train = SimpleNamespace(
            epochs=2,
            lr=0.02,
            schedule="linear",
            batch=SimpleNamespace(documents=16, tokens=None),
            patience=None,
        )
        rewind = SimpleNamespace(epoch=1, budget="remaining")
        for name, value in changes.items():
            place = next(part for part in (settings, train, rewind) if hasattr(part, name))
            setattr(place, name, value)
        built, rows = cells.build(module, options, settings, folder)
        return cells.load_cell(built, rows, folder, torch.device("cpu"), settings, train, rewind)

    return make


class Repository:
    """A copy of this project as a real Git and DVC repository, with the smoke profile."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *command: str, check: bool = True, **environment: str) -> str:
        """Run a command at the root; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", *command] if command[0] != "git" else list(command),
            cwd=self.path,
            env={**self.environment(), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{command} exited {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    @staticmethod
    def environment() -> dict[str, str]:
        """The caller's, with this Python first on the path and an identity for Git."""
        return {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GIT_AUTHOR_NAME": "test",
            "GIT_AUTHOR_EMAIL": "test@example.org",
            "GIT_COMMITTER_NAME": "test",
            "GIT_COMMITTER_EMAIL": "test@example.org",
            "DVC_NO_ANALYTICS": "1",
        }

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace one piece of a file."""
        path = self.path / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))

    def commit(self, message: str) -> None:
        """Commit all that Git does not ignore."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "-m", message)

    def repro(self, *arguments: str) -> list[str]:
        """Run ``dvc repro``; the names of the stages that ran, in order."""
        return ran(self.run("dvc", "repro", *arguments))


def ran(output: str) -> list[str]:
    """The stages that DVC says it ran."""
    lines = [line for line in output.splitlines() if line.startswith("Running stage '")]
    return [line.split("'")[1] for line in lines]


def make_repository(path: Path) -> Repository:
    """Copy what Git has of the project (and what it would add) to ``path`` and commit it.

    With the smoke profile, less one strategy: each is 4 more stages of seconds to run.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    results = ("dvc.lock", "metrics/", "plots/", "data/")
    for name in filter(None, listed.split("\0")):
        if name.startswith(results) or not (ROOT / name).is_file():
            continue
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    # What Numba has compiled, which is a minute's work; the index first, so that it lacks no file.
    for kind in ("nbi", "nbc"):
        for compiled in (ROOT / "src").rglob(f"__pycache__/*.{kind}"):
            target = path / compiled.relative_to(ROOT)
            target.parent.mkdir(exist_ok=True)
            shutil.copy2(compiled, target)
    repository = Repository(path)
    shutil.copy2(ROOT / "profiles" / "smoke.yaml", path / "params.yaml")
    repository.edit("params.yaml", "late_rewinding, random_reinit]", "late_rewinding]")
    shutil.copy2(path / "params.yaml", path / "profiles" / "smoke.yaml")
    repository.run("git", "init", "-q", "-b", "main")
    # The downloads lie elsewhere, so a cache of DVC's own is all that is shared: nothing.
    repository.commit("the project")
    return repository
