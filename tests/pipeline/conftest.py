"""A finished repository for each test of a module, and its stages run in this process."""

import runpy
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import Repository, RunStage


class Restorable:
    """A copy of a repository that can be made equal to it again, in less time than DVC takes."""

    def __init__(self, original: Repository, copy: Repository) -> None:
        self.original, self.copy, self.files = original, copy, data_files(copy)

    def restore(self) -> Repository:
        """Put back what Git has, and under ``data/`` each file that has changed."""
        self.copy.run("git", "reset", "-q", "--hard", "main")
        self.copy.run("git", "clean", "-fdq")
        files = data_files(self.copy)
        for path in files.keys() | self.files.keys():
            if files.get(path) == self.files.get(path):
                continue
            target, source = self.copy.path / path, self.original.path / path
            target.unlink(missing_ok=True)
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        self.files = data_files(self.copy)
        return self.copy


def data_files(repository: Repository) -> dict[Path, tuple[int, int, int]]:
    """What tells each file under ``data/`` from a changed one: its inode, size and time."""
    paths = [path for path in (repository.path / "data").rglob("*") if path.is_file()]
    status = {path.relative_to(repository.path): path.stat() for path in paths}
    return {path: (file.st_ino, file.st_size, file.st_mtime_ns) for path, file in status.items()}


@pytest.fixture(scope="module")
def restorable(finished: Repository, finished_copy: Repository) -> Restorable:
    return Restorable(finished, finished_copy)


@pytest.fixture
def project(restorable: Restorable) -> Repository:
    """A copy of the finished repository, equal to it before each test."""
    return restorable.restore()


@pytest.fixture
def stage(
    project: Repository, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[RunStage]:
    """Run a stage of the project's in this process, which has torch; all that it printed."""
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("LOTTERY_PROCESSES", "1")
    before = signal.getsignal(signal.SIGTERM)

    def run(name: str, *arguments: str) -> str:
        monkeypatch.setattr("sys.argv", [name, *arguments])
        monkeypatch.delitem(sys.modules, f"stages.{name}", raising=False)  # run as a script is
        last = ""
        try:
            runpy.run_module(f"stages.{name}", run_name="__main__")
        except SystemExit as end:
            last = f"\nstopped:\n{end}"
        return "".join(capfd.readouterr()) + last

    yield run
    signal.signal(signal.SIGTERM, before)
