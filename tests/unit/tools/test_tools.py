"""The Makefile and the command lines around the pipeline."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from lottery import params
from lottery.errors import LotteryError
from lottery.sections import Corpus
from stages import _locks, _run
from tools import progress


def make(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_help_lists_what_the_readme_names() -> None:
    listed = make("help").stdout
    named = {
        word.strip("`")
        for line in (ROOT / "README.md").read_text().splitlines()
        for start, word in zip(line.split(), line.split()[1:], strict=False)
        if start.strip("`") == "make" and line.startswith("make")
    }
    assert {"repro", "test", "lint"} <= named
    for name in named:
        assert f"make {name} " in listed, name


def test_an_old_python_is_named(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for name in ("requirements.lock", "requirements-torch.lock"):
        (tmp_path / name).write_text("")
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    done = make("test", f"PYTHON={old}", cwd=tmp_path)
    assert done.returncode
    assert "Python 3.11 or later is needed" in done.stdout
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (LotteryError("a\nb"), "a b"),
        (OSError(28, "No space left on device", "data/x"), "data/x: No space left on device; make"),
        (MemoryError(), "out of memory; a smaller"),
    ],
)
def test_an_error_is_one_line(error: Exception, line: str) -> None:
    assert _run._line(error).startswith(line)


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a user can mend is shortened to a line."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["select"])

    def broken(settings: params.Params) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _run.main("select", None, broken)


def test_is_file() -> None:
    assert not Corpus(source="src/lottery/corpora/imdb.py").is_file
    assert Corpus(source="x.csv", text="t", label="l", test_fraction=0.5).is_file


def test_progress_is_listed_and_removed(tmp_path: Path) -> None:
    for run, key, age in (("a-cnn", "1", 100), ("a-cnn", "2", 50), ("b-cnn", "3", 100)):
        folder = tmp_path / run / "seed-0" / key
        folder.mkdir(parents=True)
        (folder / "level-001.0.safetensors").write_bytes(b"0" * 10)
        (folder / "facts.json").write_text("{}")
        os.utime(folder / "facts.json", (1e9 - age, 1e9 - age))
    found = progress.find(tmp_path)
    assert {kept.folder.name: kept.old for kept in found} == {"1": True, "2": False, "3": False}
    assert {kept.levels() for kept in found} == {1}
    environment = {**os.environ, "LOTTERY_PROGRESS": str(tmp_path)}
    command = [sys.executable, "-m", "tools.progress", "--remove"]
    with _locks.held(tmp_path / "a-cnn/seed-0/1/lock", "a run"):
        done = run_tool([*command, "old"], environment)
        assert "left: a process works on it" in done
    assert "removed" in run_tool([*command, "old"], environment)
    assert sorted(kept.folder.name for kept in progress.find(tmp_path)) == ["2", "3"]
    run_tool([*command, "all"], environment)
    assert "no run has kept anything" in run_tool(command[:-1], environment)


def run_tool(command: list[str], environment: dict[str, str]) -> str:
    environment = {**environment, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
