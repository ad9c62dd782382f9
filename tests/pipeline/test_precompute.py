"""The run store filled ahead, by real processes: the stages assemble the same bytes from it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import (
    SMOKE_CELLS,
    SMOKE_CONTROL,
    SMOKE_PRUNING_RUNS,
    SMOKE_TRAINING_RUNS,
    Repository,
    trainings,
)

RUNS, TRAININGS = SMOKE_TRAINING_RUNS, 28
"""Of the smoke profile; each pruning run has two levels."""


def start(repository: Repository, *module: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=repository.path,
        env={**repository.environment(), "LOTTERY_CHECKPOINT_SECONDS": "0", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """What a process printed, which has to succeed."""
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    return output


def levels(folder: Path) -> dict[Path, int]:
    """The finished levels in a run store, with the time of each."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("level-*.safetensors")}


@pytest.mark.slow
def test_after_the_pipeline_nothing_is_pending(project: Repository) -> None:
    """The stages trained it; every run is found under the fingerprint that its stage gave it. What
    is missing is pending with all that needs it."""
    output = project.run("tools.precompute", "--estimate")
    assert f"precompute: 0 of {RUNS} training runs are pending" in output
    shutil.rmtree(project.path / ".lottery/checkpoints" / SMOKE_CELLS[0] / "seed-1")
    output = project.run("tools.precompute", "--estimate")
    assert f"precompute: 5 of {RUNS} training runs are pending" in output
    assert re.search(rf"^  train {SMOKE_CELLS[0]}: 1 trainings \(seeds 1\), ", output, re.M)
    assert re.search(r"^about \d+ s on 1 process$", output, re.M)
    assert not list((project.path / ".lottery/precompute").iterdir())


@pytest.mark.slow
def test_the_stages_only_assemble(finished: Repository, tmp_path: Path) -> None:
    project = finished.untrained(tmp_path / "copy")
    output = project.run("tools.precompute", LOTTERY_PROCESSES="2")
    assert trainings(output) == TRAININGS
    store = project.path / ".lottery/checkpoints"
    before = levels(store)
    output = project.run("dvc", "repro")
    assert levels(store) == before
    lines = [line for line in output.splitlines() if "nothing was left to train" in line]
    assert len(lines) == RUNS
    assert all("trained by make precompute on " in line for line in lines)
    runs = [*SMOKE_CELLS, *SMOKE_PRUNING_RUNS, *(f"{cell}-{SMOKE_CONTROL}" for cell in SMOKE_CELLS)]
    for name in [*runs, *(f"{cell}-other_order" for cell in SMOKE_CELLS)]:
        assert sum(line.startswith((f"{name} seed 0: ", f"{name} seed 1: ")) for line in lines) == 2
    assert project.digests(*Repository.RESULTS) == finished.digests(*Repository.RESULTS)


@pytest.mark.slow
def test_killed_and_started_again(finished: Repository, tmp_path: Path) -> None:
    """No level that was finished is trained again, and no process outlives the one that is killed:
    they hold the locks of their runs."""
    project = finished.untrained(tmp_path / "copy")
    store = project.path / ".lottery/checkpoints"
    for count in (1, 6, 14):
        process = start(project, "tools.precompute", LOTTERY_PROCESSES="2")
        while len(levels(store)) < count:
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    before = levels(store)
    output = finish(start(project, "tools.precompute"))
    after = levels(store)
    assert {path: after[path] for path in before} == before
    assert trainings(output) == TRAININGS - len(before)
    for cell in SMOKE_CELLS:
        project.run("dvc", "repro", "-s", f"train@{cell}", f"prune@{cell}-late_rewinding")
        for folder in (f"data/dense/{cell}", f"data/chains/{cell}-late_rewinding"):
            assert project.digests(folder) == finished.digests(folder)
    assert not list((project.path / ".lottery/precompute").iterdir())


@pytest.mark.slow
def test_two_at_once_share_the_work(finished: Repository, tmp_path: Path) -> None:
    """In two trees with one store; nothing is trained twice."""
    shared = {"LOTTERY_CHECKPOINTS": str(tmp_path / "checkpoints")}
    first, second = (finished.untrained(tmp_path / name) for name in ("one", "two"))
    both = [start(tree, "tools.precompute", **shared) for tree in (first, second)]
    counts = [trainings(finish(process)) for process in both]
    assert sum(counts) == TRAININGS
    assert "0 of" in first.run("tools.precompute", "--estimate", **shared)


@pytest.mark.slow
def test_beside_dvc(finished: Repository, tmp_path: Path) -> None:
    """In one tree: what one of them trains, the other one reads."""
    project = finished.untrained(tmp_path / "copy")
    pipeline = start(project, "dvc", "repro")
    while not levels(project.path / ".lottery/checkpoints"):
        assert pipeline.poll() is None, pipeline.communicate()[0]
        time.sleep(0.01)
    # As make does: repro would not start while another one reads the tokens.
    project.run("dvc", "--wait-for-lock", "status", "--quiet", "--with-deps", "tokenize")
    finish(start(project, "tools.precompute"))
    finish(pipeline)
    assert len(levels(project.path / ".lottery/checkpoints")) == TRAININGS
    assert project.digests(*Repository.RESULTS) == finished.digests(*Repository.RESULTS)


@pytest.fixture
def small(finished: Repository, tmp_path: Path) -> Repository:
    """One cell with one seed and one strategy."""
    project = finished.untrained(tmp_path / "small")
    text = (project.path / "params.yaml").read_text()
    text = re.sub(r"\n  lstm:\n(    .*\n)+", "\n", text)
    text = re.sub(r"\n  (rotten_tomatoes-)?lstm: \{.*", "", text)
    text = text.replace("[winning_ticket, late_rewinding]", "[winning_ticket]")
    (project.path / "params.yaml").write_text(text.replace("seeds: [0, 1]", "seeds: [0]"))
    return project


@pytest.mark.slow
def test_training_that_diverges_is_a_result(small: Repository) -> None:
    """Nothing is pending afterwards, and the stage does not train it again."""
    small.edit("src/lottery/training/loop.py", "] = loss.detach()", "] = loss.detach() * math.nan")
    output = small.run("tools.precompute")
    assert "rotten_tomatoes-cnn seed 0: failed: level 0, epoch 1: the loss of batch" in output
    assert trainings(output) == 0
    assert "precompute: 0 of 4 training runs" in small.run("tools.precompute", "--estimate")
    (record,) = (small.path / ".lottery/checkpoints").rglob("diverged-level-000.json")
    record.write_text('{"level": 0, "reason": "as recorded"}')
    output = small.run("stages.train", "rotten_tomatoes", "cnn")
    assert "rotten_tomatoes-cnn seed 0: failed: as recorded" in output


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows has no limit on a file's size")
def test_a_full_disk_is_named_and_resumed_from(small: Repository) -> None:
    import resource

    process = subprocess.Popen(
        [sys.executable, "-m", "tools.precompute"],
        cwd=small.path,
        env=small.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    last = output.strip().splitlines()[-1]
    assert last.startswith(
        "error: 1 of the runs failed, the first of them train rotten_tomatoes-cnn"
    )
    assert last.endswith("make room and run again")
    assert "Traceback" not in output
    assert trainings(small.run("tools.precompute")) == 5
