"""Faults that are really done to a real run: kills, full disks, little memory, damage, two at once.

Stages run as they do under DVC, over the smoke profile with more epochs, each with a checkpoint.
"""

import dataclasses
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Repository

from lottery.config import params
from lottery.config.grid import Run
from lottery.models.cnn import CNN
from lottery.storage import csv_tables, paths
from lottery.training import loop
from lottery.training.loop import Plan
from stages import (
    branch,
    compare,
    compare_control,
    connectivity,
    evaluate,
    plot,
    prune,
    select,
    train,
)
from tools import summary

CORPUS = "rotten_tomatoes"
MODELS = ("cnn", "lstm")
STRATEGIES = ("winning_ticket", "late_rewinding", "random_reinit")
TRAIN = [("train", CORPUS, model) for model in MODELS]
PRUNE = [("prune", CORPUS, model, strategy) for model in MODELS for strategy in STRATEGIES]


class Runs:
    """A repository whose stages are run by hand, and the folder of its checkpoints."""

    def __init__(self, repository: Repository, checkpoints: Path) -> None:
        self.repository, self.checkpoints = repository, checkpoints

    def start(self, *stage: str, **options: object) -> subprocess.Popen[str]:
        """Start a stage; one process, so that a signal to it is a signal to the run."""
        environment = {
            **Repository.environment(),
            "PYTHONPATH": f"{self.repository.path}{os.pathsep}{self.repository.path / 'src'}",
            "LOTTERY_CHECKPOINTS": str(self.checkpoints),
            "LOTTERY_CHECKPOINT_SECONDS": "0",
            "LOTTERY_PROCESSES": "1",
        }
        command = [sys.executable, "-m", f"stages.{stage[0]}", *stage[1:]]
        return subprocess.Popen(
            command,
            cwd=self.repository.path,
            env=environment | options.pop("environment", {}),  # type: ignore[operator]
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,  # type: ignore[call-overload]
        )

    def finish(self, *stage: str, **options: object) -> tuple[int, str]:
        """Run a stage to its end; its exit status and what it printed."""
        process = self.start(*stage, **options)
        output, _ = process.communicate(timeout=300)
        return process.returncode, output

    def outputs(self, *stage: str) -> dict[str, str]:
        """The digest of every file that a stage has written, by its path."""
        kind = {"train": "dense", "prune": "chains"}[stage[0]]
        folder = self.repository.path / "data" / kind / "-".join(stage[1:])
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture(scope="module")
def repository(finished_copy: Repository) -> Repository:
    """A repository with token arrays, and nothing yet that was trained from them."""
    finished_copy.edit("params.yaml", "late_rewinding]", "late_rewinding, random_reinit]")
    text = (finished_copy.path / "params.yaml").read_text().replace("epochs: 2,", "epochs: 5,")
    (finished_copy.path / "params.yaml").write_text(text)
    runs = [f"data/{kind}" for kind in ("dense", "chains", "branches", "logits")]
    for folder in (*runs, "plots", "metrics", ".lottery"):
        shutil.rmtree(finished_copy.path / folder)
    return finished_copy


@pytest.fixture
def project(repository: Repository, tmp_path: Path) -> Runs:
    return Runs(repository, tmp_path / "checkpoints")


@pytest.fixture(scope="module")
def expected(
    repository: Repository, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., dict[str, str]]:
    """The outputs of a stage that nobody disturbs, made when they are first needed."""
    undisturbed = Runs(repository, tmp_path_factory.mktemp("undisturbed"))
    outputs: dict[tuple[str, ...], dict[str, str]] = {}

    def of(*stage: str) -> dict[str, str]:
        if stage not in outputs:
            if stage[0] == "prune":
                of("train", *stage[1:3])
            status, output = undisturbed.finish(*stage)
            assert status == 0, output
            outputs[stage] = undisturbed.outputs(*stage)
        return outputs[stage]

    return of


def kill_until_done(runs: Runs, stage: tuple[str, ...], kills: int, seed: int) -> int:
    """Kill a stage at random moments of its training, ``kills`` times at most, then let it end;
    how often it was really killed."""
    moments = random.Random(seed)
    done = 0
    for _ in range(kills):
        before = weights_in(runs.checkpoints)
        process = runs.start(*stage)
        # Starting up takes seconds in which nothing is written: begin with the first checkpoint.
        while process.poll() is None and weights_in(runs.checkpoints) == before:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.15))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        done += 1
    status, output = runs.finish(*stage)
    assert status == 0, output
    return done


def weights_in(folder: Path) -> set[str]:
    """The files with weights in a folder of checkpoints."""
    return {str(path) for path in folder.rglob("*.safetensors")}


@pytest.mark.slow
def test_a_few_kills(project: Runs, expected: Callable[..., dict[str, str]]) -> None:
    stage = ("prune", CORPUS, "cnn", "winning_ticket")
    assert expected(*stage)
    assert kill_until_done(project, stage, 3, seed=0) >= 2
    assert project.outputs(*stage) == expected(*stage)
    assert not list(project.repository.path.glob("data/chains/.*.tmp"))
    (fingerprint, *_) = project.checkpoints.rglob("fingerprint.json")
    code = json.loads(fingerprint.read_text(encoding="utf-8"))["code"]
    assert "src/lottery/training/loop.py" in code
    assert "src/lottery/pruning/strategies/winning_ticket.py" in code
    # A change of how a stage runs, or of a figure's color, would lose hours.
    others = ("stages/", "src/lottery/pipeline/", "src/lottery/report/")
    assert not [name for name in code if name.startswith(others)]
    provenance = json.loads(fingerprint.with_name("provenance.json").read_text(encoding="utf-8"))
    assert provenance["threads"] == 1


@pytest.mark.slow
def test_one_more_seed_trains_only_itself(project: Runs) -> None:
    path = project.repository.path / "params.yaml"
    before = path.read_text()
    stage = ("train", CORPUS, "cnn")
    try:
        for seeds in ("[0]", "[0, 1]"):
            path.write_text(before.replace("seeds: [0, 1]", f"seeds: {seeds}"))
            code, output = project.finish(*stage)
            assert code == 0, output
            assert ("seed 0: resumed from" in output) == (seeds == "[0, 1]")
            assert "seed 1: resumed from" not in output
    finally:
        path.write_text(before)


@pytest.mark.slow
def test_fifty_kills(project: Runs, expected: Callable[..., dict[str, str]]) -> None:
    """Over every strategy and both models, cumulative, until each has ended."""
    kills = 0
    for number, stage in enumerate([*TRAIN, *PRUNE] * 3):
        assert expected(*stage)
        # Each round begins without the checkpoints of the one before.
        runs = Runs(project.repository, project.checkpoints / str(number))
        kills += kill_until_done(runs, stage, 6, seed=number)
        assert runs.outputs(*stage) == expected(*stage), stage
        if kills >= 50 and number >= len([*TRAIN, *PRUNE]) - 1:
            break
    print(f"{kills} kills")
    assert kills >= 50


@pytest.mark.parametrize(
    ("signal_", "processes"),
    [
        (signal.SIGTERM, "2"),
        pytest.param(signal.SIGTERM, "1", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "1", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "2", marks=pytest.mark.slow),
    ],
)
def test_a_polite_stop(
    project: Runs,
    expected: Callable[..., dict[str, str]],
    signal_: signal.Signals,
    processes: str,
) -> None:
    stage = ("train", CORPUS, "lstm")
    assert expected(*stage)
    options = {"environment": {"LOTTERY_PROCESSES": processes}}
    process = project.start(*stage, **options)
    while process.poll() is None and not list(project.checkpoints.rglob("epoch.*")):
        time.sleep(0.01)
    process.send_signal(signal_)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "interrupted; finished work is saved: run the same command to resume" in output
    assert "Traceback" not in output
    status, output = project.finish(*stage, **options)
    assert status == 0
    assert "resumed from" in output
    assert project.outputs(*stage) == expected(*stage)


@pytest.mark.slow
def test_a_second_process_waits(project: Runs, expected: Callable[..., dict[str, str]]) -> None:
    """As when DVC is killed alone, its stage lives on, and DVC is started again."""
    stage = ("prune", CORPUS, "lstm", "late_rewinding")
    assert expected(*stage)
    first = project.start(*stage)
    while first.poll() is None and not weights_in(project.checkpoints):
        time.sleep(0.01)
    status, output = project.finish(*stage)
    first_output, _ = first.communicate(timeout=60)
    assert first.returncode == status == 0, first_output + output
    assert f"process {first.pid} on " in output
    assert "waiting for it to finish" in output
    assert project.outputs(*stage) == expected(*stage)


@pytest.mark.slow
def test_seeds_of_two_trees_share_checkpoints(
    project: Runs, expected: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """As two workers of ``dvc exp run --queue`` do: each has a tree, both the same checkpoints."""
    stage = ("prune", CORPUS, "cnn", "late_rewinding")
    assert expected(*stage)
    other = Runs(Repository(tmp_path / "other"), project.checkpoints)
    project.repository.run("git", "clone", "-q", ".", str(other.repository.path))
    shutil.copy2(project.repository.path / "params.yaml", other.repository.path)
    for name in ("data/tokens", "data/dense"):
        source, target = project.repository.path / name, other.repository.path / name
        shutil.copytree(source, target, dirs_exist_ok=True)
    started = [runs.start(*stage) for runs in (project, other)]
    for process in started:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    assert project.outputs(*stage) == other.outputs(*stage) == expected(*stage)


def limited(which: int, size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(which, (size, size))


def test_a_disk_that_is_full(project: Runs, expected: Callable[..., dict[str, str]]) -> None:
    """A limit on a file's size: some checkpoints fit, one does not."""
    stage = ("train", CORPUS, "cnn")
    before = expected(*stage)
    status, output = project.finish(*stage, preexec_fn=limited(resource.RLIMIT_FSIZE, 200_000))
    assert status == 1
    line = output.strip().splitlines()[-1]
    assert line.startswith("error: ") and "make room and run again" in line
    assert "Traceback" not in output
    assert project.outputs(*stage) == before, "an earlier result was touched"
    assert project.finish(*stage)[0] == 0
    assert project.outputs(*stage) == before


def peak_after_an_epoch(runs: Runs, *stage: str) -> int:
    """The most address space, in bytes, of a stage that is killed once it has saved an epoch."""
    process = runs.start(*stage)
    while process.poll() is None and not list(runs.checkpoints.rglob("epoch.*")):
        time.sleep(0.01)
    status = Path(f"/proc/{process.pid}/status").read_text()
    process.kill()
    process.communicate()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if "VmPeak" in line)


@pytest.mark.slow
def test_memory_that_runs_out(project: Runs, tmp_path: Path) -> None:
    """A network that needs hundreds of megabytes more than another, and a limit halfway between.

    How far it comes under the limit may vary; what was saved before must still be there.
    """
    stage = ("train", CORPUS, "cnn")
    path = project.repository.path / "params.yaml"
    before = path.read_text()
    many = before.replace("documents: 32", "documents: 400")
    large = many.replace("filters: 10,", "filters: 10000,")
    assert large.count("10000") == 1
    try:
        path.write_text(many)
        small_peak = peak_after_an_epoch(Runs(project.repository, tmp_path / "small"), *stage)
        path.write_text(large)
        peak = peak_after_an_epoch(project, *stage)
        assert peak - small_peak > 300_000_000, "too little for a limit between them"
        saved = weights_in(project.checkpoints)
        limit = limited(resource.RLIMIT_AS, (small_peak + peak) // 2)
        code, output = project.finish(*stage, preexec_fn=limit)
        assert code == 1, output
        assert output.strip().splitlines()[-1].startswith("error: out of memory; a smaller ")
        assert "Traceback" not in output
        assert len(weights_in(project.checkpoints)) == len(saved), "a checkpoint is gone"
        assert "resumed from" in project.finish(*stage)[1]
        outputs = project.outputs(*stage)
        assert Runs(project.repository, tmp_path / "undisturbed").finish(*stage)[0] == 0
        assert project.outputs(*stage) == outputs
    finally:
        path.write_text(before)


@pytest.mark.slow
def test_training_that_diverges_is_left_out(
    repository: Repository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A rate that no parameter file may hold makes one seed really diverge: at a level of one
    strategy, and in the dense run of the other model."""
    monkeypatch.chdir(repository.path)
    monkeypatch.setenv("LOTTERY_PROCESSES", "1")
    monkeypatch.setenv("LOTTERY_CHECKPOINTS", str(tmp_path / "checkpoints"))
    settings = dataclasses.replace(params.load(paths.PARAMS), strategies=STRATEGIES[:2])
    original = loop.one_epoch

    def one_epoch(
        model: object, documents: object, optimizer: object, plan: Plan, *others: object
    ) -> float:
        bad = plan.level == (2 if isinstance(model, CNN) else 0)
        # Late rewinding begins at epoch 1, so that its levels are told from the others'.
        if bad and plan.seed == 1 and (plan.level == 0 or plan.epochs.start == 1):
            plan = dataclasses.replace(plan, lr=1e38)
        return original(model, documents, optimizer, plan, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "one_epoch", one_epoch)
    for model in MODELS:
        train.run(settings, CORPUS, model)
        for strategy in settings.strategies:
            prune.run(settings, CORPUS, model, strategy)
            evaluate.run(settings, CORPUS, model, strategy)
            compare.run(settings, CORPUS, model, strategy)
        branch.run(settings, CORPUS, model, "reinit_same_mask")
        compare_control.run(settings, CORPUS, model, "reinit_same_mask")
        connectivity.run(settings, CORPUS, model)
    select.run(settings)
    plot.run(settings)
    output = "".join(capsys.readouterr())
    cells = {model: Run(settings, CORPUS, model) for model in MODELS}
    for arm, why in (
        (cells["cnn"].of_arm("late_rewinding"), "level 2, epoch 2: the loss of"),
        (cells["lstm"].winning_ticket, "level 0, epoch 1: the loss of"),
    ):
        assert f"{arm.name} seed 1 is left out: {why}" in output
    metrics = {
        model: json.loads(paths.metrics(cell.name).read_text(encoding="utf-8"))
        for model, cell in cells.items()
    }
    assert metrics["cnn"]["late_rewinding"]["failed_seeds"] == 1
    assert "failed_seeds" not in metrics["cnn"]["winning_ticket"]
    assert metrics["lstm"]["winning_ticket"]["failed_seeds"] == 1
    tickets = csv_tables.read(paths.STATISTICS / "tickets.csv")
    dense = tickets[tickets.arm == "dense"].set_index("cell").n
    assert dense.to_dict() == {f"{CORPUS}-cnn": 2, f"{CORPUS}-lstm": 1}
    curves = csv_tables.read(paths.curves(cells["cnn"].name))
    assert set(curves[curves.arm == "late_rewinding"].seed) == {0}
    assert set(curves[curves.arm == "winning_ticket"].seed) == {0, 1}
    of_dense = csv_tables.read(paths.STATISTICS / "dense.csv")
    notes = list(summary.notes(settings, of_dense, tickets))
    assert any("a seed is left out: level 2" in note for note in notes)
