"""Groups of networks in lockstep through the commands, as on a GPU, but on the CPU."""

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
    assert sizes[cnn] == sizes[lstm] == sizes[f"{cnn}-other_order"] == 2
    assert sizes[f"{cnn}-winning_ticket"] == sizes[f"{lstm}-late_rewinding"] == 4
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
    """Whatever was trained alone before is read, and stays."""
    project = finished.untrained(tmp_path / "copy")
    corpus, model = SMOKE_CELLS[0].split("-")
    output = project.run("stages.train", corpus, model, **TOGETHER)
    assert "2/2 seeds done" in output
    assert group_sizes(project.path / STORE) == {SMOKE_CELLS[0]: 2}
    before = level_digests(project.path / STORE)
    output = project.run("stages.train", corpus, model, **TOGETHER)
    assert "(2 networks in lockstep)" in output
    assert level_digests(project.path / STORE) == before
    project.run("stages.train", corpus, model, LOTTERY_LOCKSTEP="0")
    alone = level_digests(project.path / STORE)
    assert len(alone) == 2 * len(before), "another provenance, so other checkpoints"
