"""The Makefile and the command lines around the pipeline."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from helpers import ROOT

from lottery.config import params
from lottery.config.text_schema import Corpus
from lottery.errors import LotteryError
from lottery.pipeline import cli
from lottery.storage import locks, paths
from tools import checkpoints


def make(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_help_lists_what_the_documents_name() -> None:
    listed = make("help").stdout
    named = {
        word.strip("`")
        for document in ("README.md", "CONTRIBUTING.md")
        for line in (ROOT / document).read_text().splitlines()
        for start, word in zip(line.split(), line.split()[1:], strict=False)
        if start.strip("`") == "make" and line.startswith("make")
    }
    assert {"repro", "test", "lint"} <= named
    for name in named:
        assert f"make {name} " in listed, name


LOCKS = ("requirements.lock", "requirements-torch.lock", "requirements-triton.lock")


def test_an_old_python_is_named(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for name in LOCKS:
        (tmp_path / name).write_text("")
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    done = make("test", f"PYTHON={old}", cwd=tmp_path)
    assert done.returncode
    assert "Python 3.11 or later is needed" in done.stdout
    assert not (tmp_path / ".venv").exists()


@pytest.fixture
def makefile(tmp_path: Path) -> Path:
    """A folder, in a path with a space, with the Makefile and no packages to install."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    for name in LOCKS:
        (folder / name).write_text("")
    return folder


def ready(folder: Path) -> None:
    """A stand-in for an environment that is ready, whose python says which one it is."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("")
    python = folder / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$0 $*"\n')
    python.chmod(0o755)
    (folder / ".ready").write_text("")


@pytest.mark.parametrize("absolute", [False, True])
def test_the_environment_of_a_path(makefile: Path, tmp_path: Path, absolute: bool) -> None:
    """Its own Python runs, wherever it is; nothing is made beside it."""
    folder = tmp_path / "elsewhere" if absolute else makefile / "mine"
    ready(folder)
    done = make("summary", f"VENV={folder if absolute else 'mine'}", cwd=makefile)
    assert done.stdout == f"{folder}/bin/python -m tools.summary\n", done.stderr
    assert not (makefile / ".venv").exists()


def test_nothing_of_the_users_is_emptied(makefile: Path, tmp_path: Path) -> None:
    """A folder with files, or what a link points to: not for a new environment."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "pyvenv.cfg").write_text("")
    (folder / "file").write_text("")
    (makefile / ".venv").symlink_to(folder)
    assert ".venv is a symbolic link" in make("summary", cwd=makefile).stdout
    (folder / "pyvenv.cfg").unlink()
    done = make("summary", f"VENV={folder}", cwd=makefile)
    assert f"{folder} has files and is not a Python environment" in done.stdout
    assert (folder / "file").exists()
    assert "VENV must be one path" in make("summary", "VENV=", cwd=makefile).stderr


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (LotteryError("a\nb"), "a b"),
        (OSError(28, "No space left on device", "data/x"), "data/x: No space left on device; make"),
        (MemoryError(), "out of memory; a smaller"),
    ],
)
def test_an_error_is_one_line(error: Exception, line: str) -> None:
    assert cli.line_of(error).startswith(line)


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a user can repair is shortened to a line."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["select"])

    def broken(settings: params.Params) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cli.main("select", None, broken)


def test_a_stage_holds_its_lock_and_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are named for the stage and its arguments, and lie in the working tree."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / paths.PARAMS).write_text((ROOT / "profiles" / "smoke.yaml").read_text())
    monkeypatch.setattr("sys.argv", ["train", "rotten_tomatoes", "cnn"])
    lock = paths.LOCKS / "train-rotten_tomatoes-cnn.lock"
    ran = []

    def run(settings: params.Params, corpus: str, model: str) -> None:
        with pytest.raises(Timeout), FileLock(lock, timeout=0):
            pass
        ran.append((corpus, model))

    cli.main("train", None, run, "corpus", "model")
    assert ran == [("rotten_tomatoes", "cnn")]
    with FileLock(lock, timeout=0):
        pass
    assert [path.name for path in paths.TIMES.iterdir()] == ["train-rotten_tomatoes-cnn.json"]


def test_is_file() -> None:
    assert not Corpus(source="src/lottery/corpora/imdb.py").is_file
    assert Corpus(source="x.csv", text="t", label="l", test_fraction=0.5).is_file


def test_checkpoints_are_listed_and_removed(tmp_path: Path) -> None:
    for name, key, age in (("a-cnn", "1", 100), ("a-cnn", "2", 50), ("b-cnn", "3", 100)):
        folder = tmp_path / name / "seed-0" / key
        folder.mkdir(parents=True)
        (folder / "level-001.0.safetensors").write_bytes(b"0" * 10)
        (folder / paths.FINGERPRINT).write_text("{}")
        os.utime(folder / paths.FINGERPRINT, (1e9 - age, 1e9 - age))
    runs = checkpoints.find(tmp_path)
    assert {run.folder.name: run.old for run in runs} == {"1": True, "2": False, "3": False}
    assert {run.levels() for run in runs} == {1}
    environment = {**os.environ, "LOTTERY_CHECKPOINTS": str(tmp_path)}
    command = [sys.executable, "-m", "tools.checkpoints", "--remove"]
    with locks.held(tmp_path / "a-cnn/seed-0/1/lock", "a run"):
        done = run_tool([*command, "old"], environment)
        assert f"{tmp_path / 'a-cnn/seed-0/1'}: in use by a process: not removed" in done
    assert ": removed, " in run_tool([*command, "old"], environment)
    assert sorted(run.folder.name for run in checkpoints.find(tmp_path)) == ["2", "3"]
    run_tool([*command, "all"], environment)
    assert run_tool(command[:-1], environment) == f"{tmp_path}: no checkpoints\n"


def run_tool(command: list[str], environment: dict[str, str]) -> str:
    environment = {**environment, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
