"""The folder of a run's checkpoints: one per fingerprint, and how often an epoch is saved."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers import ROOT, write_tokens

from lottery.config import params as parameters
from lottery.config.grid import Run
from lottery.errors import LotteryError
from lottery.pipeline import resume


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A cell whose checkpoints and token arrays are the test's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOTTERY_CHECKPOINTS", str(tmp_path / "checkpoints"))
    cell = Run(parameters.load(ROOT / "profiles" / "smoke.yaml"), "rotten_tomatoes", "cnn")
    write_tokens(cell.tokens)
    return cell


def test_another_fingerprint_is_another_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    current = SimpleNamespace(fingerprint={"lr": 0.1})
    monkeypatch.setattr(resume, "fingerprint_of", lambda *arguments: current.fingerprint)
    with resume.checkpointer("train", run, 0) as one:
        one.save("level-001", {"a": torch.ones(2)}, {})
    current.fingerprint = {"lr": 0.2}
    with resume.checkpointer("train", run, 0) as other:
        assert other.read("level-001") is None
    current.fingerprint = {"lr": 0.1}
    with resume.checkpointer("train", run, 0) as again:
        checkpoint = again.read("level-001")
        assert checkpoint is not None
        assert torch.equal(checkpoint.tensors["a"], torch.ones(2))


def test_a_fingerprint_changes_with_what_it_is_of(run: Run) -> None:
    before = resume.fingerprint_of("train", run, 0)
    write_tokens(run.tokens, seed=1)
    after = resume.fingerprint_of("train", run, 0)
    assert before["inputs"] != after["inputs"]
    assert "src/lottery/training/loop.py" in before["code"]


@pytest.mark.parametrize("value", ["soon", "-1", "nan", ""])
def test_seconds_that_are_none(run: Run, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(resume.VARIABLE, value)
    monkeypatch.setattr(resume, "fingerprint_of", lambda *arguments: {})
    with (
        pytest.raises(LotteryError, match=f"{resume.VARIABLE}: expected a number of seconds"),
        resume.checkpointer("train", run, 0),
    ):
        pass
