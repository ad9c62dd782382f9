"""Groups of networks in lockstep through the commands, as on a GPU, but on the CPU."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import (
    SMOKE_CELLS,
    SMOKE_TRAINING_RUNS,
    Repository,
    group_sizes,
    level_digests,
    trainings,
)

pytestmark = pytest.mark.slow
TOGETHER = {"LOTTERY_LOCKSTEP": "1", "LOTTERY_CHECKPOINT_SECONDS": "0"}
STORE = Path(".lottery/checkpoints")


def test_a_kill_in_the_middle_of_a_group_changes_no_byte(
    finished: Repository, tmp_path: Path
) -> None:
    project = finished.untrained(tmp_path / "whole")
    assert trainings(project.run("tools.precompute", **TOGETHER)) == 28
    sizes = group_sizes(project.path / STORE)
    cnn, lstm = SMOKE_CELLS
    assert sizes[cnn] == sizes[lstm] == sizes[f"{cnn}-other_order"] == {2}
    assert sizes[f"{cnn}-winning_ticket"] == sizes[f"{lstm}-late_rewinding"] == {4}
    output = project.run("tools.precompute", "--estimate", **TOGETHER)
    assert f"0 of {SMOKE_TRAINING_RUNS} training runs are pending" in output

    killed = finished.untrained(tmp_path / "killed")
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.precompute"],
        cwd=killed.path,
        env={**killed.environment(), **TOGETHER},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not list((killed.path / STORE).glob("*-winning_ticket/seed-0/*/group-*/epoch.*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert trainings(killed.run("tools.precompute", **TOGETHER)) < 28
    assert level_digests(killed.path / STORE) == level_digests(project.path / STORE)
    assert not list((killed.path / STORE).rglob("group-*"))


def test_a_stage_trains_its_seeds_together(finished: Repository, tmp_path: Path) -> None:
    """And reads them the next time; alone they have checkpoints of their own."""
    project = finished.untrained(tmp_path / "copy")
    corpus, model = SMOKE_CELLS[0].split("-")
    output = project.run("stages.train", corpus, model, **TOGETHER)
    assert "2/2 seeds done" in output
    assert group_sizes(project.path / STORE) == {SMOKE_CELLS[0]: {2}}
    before = level_digests(project.path / STORE)
    output = project.run("stages.train", corpus, model, **TOGETHER)
    assert "(2 networks in lockstep)" in output
    assert level_digests(project.path / STORE) == before
    project.run("stages.train", corpus, model, LOTTERY_LOCKSTEP="0")
    alone = level_digests(project.path / STORE)
    assert len(alone) == 2 * len(before), "another provenance, so other checkpoints"


def test_two_processes_with_one_group_share_it(finished: Repository, tmp_path: Path) -> None:
    """Stages in two trees with one store: one trains, the other one waits and reads."""
    corpus, model = SMOKE_CELLS[0].split("-")
    shared = {**TOGETHER, "LOTTERY_CHECKPOINTS": str(tmp_path / "shared")}
    processes = []
    for name in ("one", "two"):
        tree = finished.untrained(tmp_path / name)
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "stages.train", corpus, model],
                cwd=tree.path,
                env={**tree.environment(), **shared},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sum(output.count("nothing was left to train") for output in outputs) == 2
    assert len(level_digests(tmp_path / "shared")) == 2


def test_a_stage_goes_on_without_a_seed_whose_dense_run_diverged(
    finished: Repository, tmp_path: Path
) -> None:
    project = finished.untrained(tmp_path / "copy")
    corpus, model = SMOKE_CELLS[0].split("-")
    project.run("stages.train", corpus, model, **TOGETHER)
    dense = project.path / f"data/dense/{SMOKE_CELLS[0]}/seed-1"
    for path in dense.iterdir():
        path.unlink()
    failure = {"level": 0, "reason": "level 0, epoch 1: the loss of batch 1 is nan"}
    (dense / "failed.json").write_text(json.dumps(failure))
    output = project.run("stages.prune", corpus, model, "winning_ticket", **TOGETHER)
    assert "2/2 seeds done" in output
    assert group_sizes(project.path / STORE)[f"{SMOKE_CELLS[0]}-winning_ticket"] == {1}
    assert list(project.path.glob("data/chains/*/seed-0/level-002.*"))
    assert list(project.path.glob("data/chains/*/seed-1/failed.json"))
