"""Groups of networks in lockstep through the commands, as on a GPU, but on the CPU."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors
from helpers import SMOKE_CELLS, SMOKE_TRAINING_RUNS, Repository, level_digests, trainings

pytestmark = pytest.mark.slow
TOGETHER = {"LOTTERY_LOCKSTEP": "1", "LOTTERY_CHECKPOINT_SECONDS": "0"}
STORE = Path(".lottery/checkpoints")


def networks(store: Path) -> dict[str, int]:
    """With how many others each level trained, by the run's folder; 1 for one by itself."""
    sizes = {}
    for path in store.rglob("level-*.safetensors"):
        with safetensors.safe_open(path, "pt") as file:
            metadata = json.loads(file.metadata()["metadata"])
        sizes[path.relative_to(store).parts[0]] = metadata.get("networks", 1)
    return sizes


def test_a_kill_in_the_middle_of_a_group_changes_no_byte(
    finished: Repository, tmp_path: Path
) -> None:
    project = finished.untrained(tmp_path / "whole")
    assert trainings(project.run("tools.precompute", **TOGETHER)) == 28
    sizes = networks(project.path / STORE)
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


def test_without_dvc_all_is_trained_together_first(finished: Repository, tmp_path: Path) -> None:
    """Only what the named stages need; these assemble it, and train nothing."""
    project = finished.untrained(tmp_path / "copy")
    cell = SMOKE_CELLS[0]
    command = ("tools.run_stages", "evaluate", "--cells", cell)
    output = project.run(*command, **TOGETHER)
    assert "all training first, in lockstep (without a limit)" in output
    assert output.count("nothing was left to train") == 6
    assert len(re.findall(r"make precompute on \S+ \(4 networks in lockstep\)", output)) == 4
    assert networks(project.path / STORE) == {
        cell: 2,
        f"{cell}-winning_ticket": 4,
        f"{cell}-late_rewinding": 4,
    }


def test_a_stage_trains_its_seeds_together(finished: Repository, tmp_path: Path) -> None:
    """Whatever was trained alone before is read, and stays."""
    project = finished.untrained(tmp_path / "copy")
    corpus, model = SMOKE_CELLS[0].split("-")
    output = project.run("stages.train", corpus, model, **TOGETHER)
    assert "2/2 seeds done" in output
    assert networks(project.path / STORE) == {SMOKE_CELLS[0]: 2}
    before = level_digests(project.path / STORE)
    output = project.run("stages.train", corpus, model, **TOGETHER)
    assert "(2 networks in lockstep)" in output
    assert level_digests(project.path / STORE) == before
    project.run("stages.train", corpus, model, LOTTERY_LOCKSTEP="0")
    alone = level_digests(project.path / STORE)
    assert len(alone) == 2 * len(before), "another provenance, so other checkpoints"
