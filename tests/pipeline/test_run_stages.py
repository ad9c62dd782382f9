"""Stages without DVC, in an environment that can only train; and a study made of what they pack."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_environment
import yaml
from helpers import SMOKE_CELLS, SMOKE_CONTROL, SMOKE_PRUNING_RUNS, Repository, group_sizes

pytestmark = pytest.mark.slow
PACKAGES = (
    *("torch", "numpy", "numba", "safetensors", "pandas", "scipy", "statsmodels", "pydantic"),
    *("pyyaml", "filelock", "tqdm"),
)
"""What a machine that trains needs."""
ELSEWHERE = ("plots", "metrics", "data/raw", "data/corpora", "data/checks", "data/vocabularies")
"""What Git has of the run with DVC, and this machine does not."""
STAGES = {
    *(f"train@{cell}" for cell in SMOKE_CELLS),
    *(f"{stage}@{run}" for stage in ("prune", "evaluate", "compare") for run in SMOKE_PRUNING_RUNS),
    *(
        f"{stage}@{cell}-{SMOKE_CONTROL}"
        for stage in ("branch", "compare_control")
        for cell in SMOKE_CELLS
    ),
    *(f"connectivity@{cell}" for cell in SMOKE_CELLS),
}
ARCHIVE = "smoke.tar.gz"
KILL_S = 900.0
"""How long to wait at most for what a test then kills; on an idle machine it takes seconds."""


class Box:
    """A machine with Git's files, the token arrays, and few packages."""

    def __init__(self, root: Path, python: Path) -> None:
        self.root, self.python = root, python
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "DVC"))},
            **{"LOTTERY_PROCESSES": "1", "LOTTERY_CHECKPOINT_SECONDS": "0"},
        }

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.python, "-m", "tools.run_stages", "--archive", ARCHIVE, *arguments],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit status of ``tools.run_stages``, and what it printed."""
        process = self.start(*arguments)
        output, _ = process.communicate()
        return process.returncode, output

    def records(self) -> dict[str, object]:
        path = self.root / ".lottery" / "stages.yaml"
        stages: dict[str, object] = yaml.safe_load(path.read_text())["stages"]
        return stages


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = small_environment.make(tmp_path_factory.mktemp("small") / "env", PACKAGES)
    packages = small_environment.installed(path)
    assert set(PACKAGES) <= packages
    assert not {"dvc", "torchtext", "grimp", "rich", "pyarrow", "scikit-learn"} & packages
    return path


def make_box(finished: Repository, python: Path, root: Path) -> Box:
    finished.run("git", "clone", "-q", str(finished.path), str(root))
    for name in ELSEWHERE:
        shutil.rmtree(root / name)
    (root / "dvc.lock").unlink()
    shutil.copytree(finished.path / "data" / "tokens", root / "data" / "tokens", dirs_exist_ok=True)
    for compiled in (finished.path / "src").rglob("__pycache__/*.nb?"):
        target = root / compiled.relative_to(finished.path)
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(compiled, target)
    return Box(root, python)


@pytest.fixture(scope="module")
def box(finished: Repository, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Box:
    return make_box(finished, python, tmp_path_factory.mktemp("box") / "project")


def kill_while_pruning(box: Box) -> None:
    """Kill ``tools.run_stages``, and its stage, when the first level of a pruning run is saved."""
    process, until = box.start(), time.monotonic() + KILL_S
    level = f"{SMOKE_PRUNING_RUNS[0]}/seed-0/*/level-*.safetensors"
    while not list((box.root / ".lottery/checkpoints").glob(level)):
        assert process.poll() is None and time.monotonic() < until, process.communicate()[0]
        time.sleep(0.05)
    process.kill()
    note = box.root / f".lottery/locks/prune-{SMOKE_PRUNING_RUNS[0]}.lock.holder"
    os.kill(int(note.read_text().split()[1]), signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="module")
def outputs(box: Box) -> Iterator[list[str]]:
    """What four runs print: one is killed, one has too little time, one ends, one has no work."""
    kill_while_pruning(box)
    assert set(box.records()) == {f"train@{cell}" for cell in SMOKE_CELLS}
    status, stopped = box.run("--seconds", "6")
    assert status == 3, stopped
    outputs = [stopped]
    for _ in range(2):
        status, output = box.run()
        assert status == 0, output
        outputs.append(output)
    yield outputs


def test_it_stops_resumes_and_ends(box: Box, outputs: list[str]) -> None:
    stopped, resumed, nothing = outputs
    count = len(STAGES)
    assert (
        f"stage 3 of {count}: prune {SMOKE_PRUNING_RUNS[0].replace('-', ' ')} ("
        in stopped + resumed
    )
    assert f"of {count} stages are done; {ARCHIVE}: not written: nothing to pack yet" in stopped
    assert "\nstopped after " in stopped
    assert "to go on, run 'python -m tools.run_stages --archive" in stopped
    assert "--seconds 6' again" in stopped
    assert "resumed from" in stopped + resumed
    assert f"{count} of {count} stages are done; {ARCHIVE} (" in resumed
    assert "stage 1 of" not in resumed, "it had been trained"
    assert "not run yet" not in resumed
    assert "stage " not in nothing.partition("stages are done")[0]
    assert set(box.records()) == STAGES


def test_all_is_as_dvc_has_it(finished: Repository, box: Box, outputs: list[str]) -> None:
    """Commands, parameters, and the digests of all that is read and written: weights, too."""
    lock = yaml.safe_load((finished.path / "dvc.lock").read_text())["stages"]
    assert box.records() == {name: lock[name] for name in STAGES}
    tables = [path for path in (box.root / "plots").rglob("*") if path.is_file()]
    assert len(tables) > 30
    for table in tables:
        theirs = finished.path / table.relative_to(box.root)
        assert table.read_bytes() == theirs.read_bytes(), table


def test_the_archive_is_small_and_the_same_again(box: Box, outputs: list[str]) -> None:
    archive = box.root / ARCHIVE
    assert archive.stat().st_size < 100_000
    with tarfile.open(archive) as packed:
        names = packed.getnames()
    assert {"params.yaml", "claims.yaml", "dvc.lock", "provenance.json"} <= set(names)
    assert {name.split("/")[0] for name in names if "/" in name} == {"plots"}
    content = archive.read_bytes()
    status, _ = box.run("train")
    assert status == 0
    assert archive.read_bytes() == content


def test_a_study_is_made_of_the_archive(
    project: Repository, box: Box, outputs: list[str], tmp_path: Path
) -> None:
    """With ``make studies``, in a full environment; the same that is made of the run with DVC."""
    assert "mine: copied from ." in project.run("tools.studies", "add", ".", "mine")
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / "env" / ".ready").write_text("")
    archive = shutil.copy2(box.root / ARCHIVE, tmp_path)
    made = subprocess.run(
        ["make", f"VENV={tmp_path / 'env'}", "studies", f"FROM={archive}"],
        cwd=project.path,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    study, other = project.path / "studies" / "smoke", project.path / "studies" / "mine"
    assert f"studies/smoke: copied from {archive}\n" in made.stdout
    files = {path.relative_to(other) for path in other.rglob("*") if path.is_file()}
    assert files == {path.relative_to(study) for path in study.rglob("*") if path.is_file()}
    differ = {
        str(path) for path in files if (study / path).read_bytes() != (other / path).read_bytes()
    }
    assert differ == {"dvc.lock", "provenance.json", "plots/report.html"}
    labels = json.loads((study / "provenance.json").read_text())
    assert "torch " in labels["versions"] and "dvc " not in labels["versions"]
    assert labels["trained on"].startswith(os.uname().machine)
    assert labels["precision"].startswith("float32")
    commit = project.run("git", "rev-parse", "HEAD").strip()
    assert labels["commit"] == commit
    assert labels["wall time of these results"].partition(": ")[2].startswith("train ")
    page = (study / "plots" / "report.html").read_text()
    assert labels["trained on"] in page and commit in page


def test_all_is_trained_in_lockstep_first(
    finished: Repository, python: Path, tmp_path: Path
) -> None:
    """As on a GPU: what the named stages need, which assemble it and train nothing."""
    box = make_box(finished, python, tmp_path / "project")
    box.environment["LOTTERY_LOCKSTEP"] = "1"
    cell = SMOKE_CELLS[0]
    status, output = box.run("evaluate", "--cells", cell)
    assert status == 0, output
    assert "all training first, in lockstep (without a limit)" in output
    assert output.count("nothing was left to train") == 6
    assert len(re.findall(r"make precompute on \S+ \(4 networks in lockstep\)", output)) == 4
    assert group_sizes(box.root / ".lottery/checkpoints") == {
        cell: {2},
        f"{cell}-winning_ticket": {4},
        f"{cell}-late_rewinding": {4},
    }
