"""The stages' own jobs in lockstep: what they write is what they resume from, seed by seed."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from helpers import ROOT, write_tokens

from lottery.config import params
from lottery.config.grid import Run
from lottery.pipeline import lockstep, resume
from lottery.pipeline.jobs import prune, train
from lottery.pipeline.reporter import Position, Reporter
from lottery.storage import paths
from lottery.training import device, loop


@pytest.fixture
def cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A cell of the smoke profile, in a working tree of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOTTERY_CHECKPOINTS", str(tmp_path / "checkpoints"))
    # Threads and determinism are settings of the process: the tests do not change them.
    monkeypatch.setattr(device, "prepare", lambda *arguments: torch.device("cpu"))
    run = Run(params.load(ROOT / "profiles" / "smoke.yaml"), "rotten_tomatoes", "cnn")
    write_tokens(paths.tokens(run.corpus))
    return run


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_jobs_train_together_and_resume_alone(cell: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dense runs of two seeds, then two strategies of both."""
    reports: list[object] = []

    def jobs(work: Callable[..., object], runs: list[Run], root: str) -> list[lockstep.Job[object]]:
        return [
            (partial(work, run, Path(root, run.name), seed), Reporter(reports.append))
            for run in runs
            for seed in (0, 1)
        ]

    dense = [(partial(train.run_seed, cell, cell.dense_folder, seed)) for seed in (0, 1)]
    entries = [resume.entry("train", cell, seed) for seed in (0, 1)]
    lockstep.together([(work, Reporter(reports.append)) for work in dense], entries)
    arms = [cell.of_arm(arm) for arm in ("winning_ticket", "late_rewinding")]
    pruning = jobs(prune.run_seed, arms, "together")
    entries = [resume.entry("prune", run, seed) for run in arms for seed in (0, 1)]
    lockstep.together(pruning, entries)
    positions = [report for report in reports if isinstance(report, Position)]
    assert any(position.epochs_done for position in positions)

    monkeypatch.setattr(loop, "train", None)  # nothing is trained any more
    written = files(cell.dense_folder)
    for work in dense:
        work(Reporter(reports.append))
    assert files(cell.dense_folder) == written
    for work, reporter in jobs(prune.run_seed, arms, "alone"):
        work(reporter)
    assert files(Path("alone")) == files(Path("together"))
    assert any(name.endswith("level-002.safetensors") for name in files(Path("alone")))
