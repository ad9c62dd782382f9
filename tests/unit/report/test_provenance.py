"""Wall time: added up over interruptions, and the same for the same tables."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT

from lottery.config import grid, params
from lottery.report import provenance
from lottery.storage import files, paths, timings

SMOKE = params.load(ROOT / "profiles" / "smoke.yaml")


@pytest.fixture(autouse=True)
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """An empty working tree, and a clock that the test sets."""
    monkeypatch.chdir(tmp_path)
    now = [100.0]
    monkeypatch.setattr(timings.time, "monotonic", lambda: now[0])
    return now


def run(stage: str, clock: list[float], seconds: float, error: type[BaseException] | None) -> None:
    with timings.measured(stage):
        clock[0] += seconds
        if error:
            raise error


def test_an_interrupted_stage_adds_up_and_a_finished_one_does_not(clock: list[float]) -> None:
    name = grid.stages(SMOKE)[0]
    with pytest.raises(KeyboardInterrupt):
        run(name, clock, 3600, KeyboardInterrupt)
    run(name, clock, 65, None)
    table(1)
    assert provenance.wall_time(SMOKE).startswith("1 h 1 min 5 s: download 1 h 1 min 5 s; ")
    run(name, clock, 2, None)
    table(2)
    assert provenance.wall_time(SMOKE).startswith("2 s: download 2 s; ")


def test_the_same_tables_have_the_same_time(clock: list[float]) -> None:
    names = grid.stages(SMOKE)
    for name in names:
        run(name, clock, 1, None)
    table(1)
    first = provenance.wall_time(SMOKE)
    assert first.startswith(f"{len(names)} s: ")
    assert "not run" not in first
    for name in names:
        run(name, clock, 2, None)
    assert provenance.wall_time(SMOKE) == first
    table(2)
    assert provenance.wall_time(SMOKE) != first


def test_stages_without_a_time_are_counted(clock: list[float]) -> None:
    names = grid.stages(SMOKE)
    table(1)
    assert provenance.wall_time(SMOKE) == (
        f"unknown; {len(names)} of {len(names)} stages were not run in this folder"
    )
    run(names[0], clock, 61, None)
    (paths.TIMES / f"{names[1]}.json").write_text("{")
    table(2)
    assert provenance.wall_time(SMOKE) == (
        f"1 min 1 s: download 1 min 1 s; {len(names) - 1} of {len(names)} stages were not run "
        "in this folder"
    )


def table(value: int) -> None:
    files.write_csv(paths.TABLES / "some" / "levels.csv", [{"level": value}])


@pytest.mark.parametrize(
    ("precision", "words"),
    [
        ("float32", "float32, on a GPU too: TF32 is off"),
        ("tf32", "tf32: float32 on a CPU; on a GPU"),
        ("bfloat16", "bfloat16 in products"),
    ],
)
def test_the_page_says_what_a_precision_means(
    clock: list[float], precision: Any, words: str
) -> None:
    for path in (paths.PARAMS, paths.CLAIMS):
        path.write_text("")
    table(1)
    values = provenance.provenance(replace(SMOKE, precision=precision, device="cpu"))
    assert values["precision"].startswith(words)
    assert values["device"] == "cpu"


def commit(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return provenance.provenance(SMOKE)["commit"]


@pytest.fixture
def inputs() -> None:
    """What a page is made of, in the working directory."""
    for name in (paths.PARAMS, paths.CLAIMS):
        files.write_text(name, "")


@pytest.mark.usefixtures("inputs")
def test_the_commit_of_another_users_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git's own reason, not that there is no repository."""
    subprocess.run(["git", "init", "-q"], check=True)
    # What Git's own tests set to be another user.
    line = commit(monkeypatch, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert line.startswith("unknown: detected dubious ownership in repository")


@pytest.mark.usefixtures("inputs")
def test_the_commit_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    assert commit(monkeypatch) == "not a Git repository"
    subprocess.run(["git", "init", "-q"], check=True)
    assert commit(monkeypatch).startswith("unknown: "), "no commit yet"
    assert commit(monkeypatch, PATH="") == "unknown: git is not installed"
