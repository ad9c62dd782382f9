"""DVC itself killed, run twice, and its files damaged: nothing is lost, nothing wrong is used."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import Repository

pytestmark = pytest.mark.slow
CELL = "rotten_tomatoes-cnn"
RUN = f"prune@{CELL}-winning_ticket"


@pytest.fixture(scope="module")
def project(finished_copy: Repository) -> Repository:
    """The pruning run of one strategy, longer than a smoke test's, as DVC ran it undisturbed."""
    finished_copy.edit("params.yaml", "cnn: {epochs: 2,", "cnn: {epochs: 60,")
    assert finished_copy.repro(RUN) == ["check", f"train@{CELL}", RUN]
    return finished_copy


def start(project: Repository, *command: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dvc", *command],
        cwd=project.path,
        env={**project.environment(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def digest_of(project: Repository, stage: str) -> str:
    """The digest of a stage's outputs in dvc.lock."""
    lock = (project.path / "dvc.lock").read_text()
    return lock.split(f"  {stage}:\n")[1].split("outs:\n")[1].split("md5: ")[1].split("\n")[0]


def clean(project: Repository, *stages: str) -> bool:
    return "up to date" in project.run("dvc", "status", *stages)


def test_dvc_is_killed_and_its_stage_lives_on(project: Repository, tmp_path: Path) -> None:
    before, checkpoints = digest_of(project, RUN), tmp_path / "checkpoints"
    environment = {
        "LOTTERY_CHECKPOINTS": str(checkpoints),
        "LOTTERY_CHECKPOINT_SECONDS": "0",
        "LOTTERY_PROCESSES": "2",
    }
    first = start(project, "repro", "-s", "-f", RUN, **environment)
    while not list(checkpoints.rglob("epoch.*")):
        assert first.poll() is None
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    # DVC's lock names a process that is no more; it takes it over by itself or after a try.
    again = start(project, "repro", "-s", "-f", RUN, **environment)
    output, _ = again.communicate(timeout=200)
    assert again.returncode == 0, output
    assert "waiting for it to finish" in output
    assert digest_of(project, RUN) == before
    assert clean(project, RUN)


def test_two_dvcs_at_once(project: Repository) -> None:
    stages = [RUN, f"prune@{CELL}-late_rewinding"]
    both = [start(project, "--wait-for-lock", "repro", "-s", "-f", stage) for stage in stages]
    for process in both:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
    assert clean(project, *stages)


def test_an_output_edited_by_hand_is_regenerated(project: Repository) -> None:
    before = digest_of(project, RUN)
    folder = project.path / "data" / "chains" / f"{CELL}-winning_ticket" / "seed-0"
    victim = folder / "level-001.safetensors"
    victim.chmod(0o644)
    content = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(content[:-4] + b"\x00\x00\x80\x7f")
    assert not clean(project, RUN)
    project.repro("-s", RUN)
    assert victim.read_bytes() == content
    assert digest_of(project, RUN) == before
    (folder / "pruned_at.safetensors").unlink()
    assert not clean(project, RUN)
    project.repro("-s", RUN)
    assert (folder / "pruned_at.safetensors").exists()
    assert digest_of(project, RUN) == before


def test_a_damaged_object_of_the_cache_is_not_used(project: Repository) -> None:
    before = digest_of(project, RUN)
    folder = project.path / "data" / "chains" / f"{CELL}-winning_ticket" / "seed-0"
    content = (folder / "level-001.safetensors").read_bytes()
    cache = project.path / ".dvc" / "cache" / "files" / "md5"
    (victim,) = (
        path for path in cache.rglob("*") if path.is_file() and path.read_bytes() == content
    )
    victim.chmod(0o644)
    victim.write_bytes(content[:-4] + b"\x00\x00\x80\x7f")
    for path in folder.iterdir():
        path.unlink()
    project.run("dvc", "checkout", RUN, check=False)
    assert not clean(project, RUN)
    assert project.repro("-s", RUN) == [RUN]
    assert (folder / "level-001.safetensors").read_bytes() == content
    assert digest_of(project, RUN) == before


def test_experiments_share_checkpoints(project: Repository, tmp_path: Path) -> None:
    """More levels in a temporary tree: the first ones are not trained again."""
    project.commit("as it is")
    for levels in (2, 3):
        output = project.run(
            *("dvc", "exp", "run", "--temp", "-S", f"prune.levels={levels}", "-s", "-f", RUN),
            LOTTERY_CHECKPOINTS=str(tmp_path / "checkpoints"),
        )
        assert ("resumed from" in output) == (levels == 3), output
