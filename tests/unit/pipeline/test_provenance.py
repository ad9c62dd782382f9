"""A cell that was trained on another kind of machine: assembled here, and never mixed."""

from pathlib import Path

import pytest
import torch
from helpers import ROOT, refused, write_tokens

from lottery.config import params
from lottery.config.grid import Run
from lottery.errors import LotteryError
from lottery.pipeline import grouping, provenance, resume


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOTTERY_CHECKPOINTS", str(tmp_path / "checkpoints"))
    run = Run(params.load(ROOT / "profiles" / "smoke.yaml"), "rotten_tomatoes", "cnn")
    write_tokens(run.tokens)
    return run


def elsewhere(run: Run) -> dict[str, object]:
    here = provenance.of_this_machine(run.params.device, run.params.threads)
    return {**here, "device": "another processor"}


def test_what_was_trained_elsewhere_is_read(run: Run) -> None:
    """From the folder of that machine, with what was saved there."""
    here = resume.entry("train", run, 0)
    provenance.record(run.cell, elsewhere(run))
    there = resume.entry("train", run, 0)
    assert there.folder != here.folder
    assert there.folder.name.split("-")[0] == here.folder.name.split("-")[0]
    with resume.checkpointer("train", run, 0) as checkpointer:
        checkpointer.save("level-000", {"a": torch.ones(2)}, {})
    with resume.checkpointer("train", run, 0) as checkpointer:
        assert checkpointer.folder == there.folder
        assert checkpointer.read("level-000") is not None


def test_what_is_missing_is_not_trained_here(run: Run) -> None:
    """In any arm of the cell; other cells are not concerned."""
    provenance.record(run.cell, elsewhere(run))
    for arm in ("", "winning_ticket"):
        with (
            pytest.raises(LotteryError, match="a cell never mixes two"),
            resume.checkpointer("train", run.of_arm(arm), 0) as checkpointer,
        ):
            checkpointer.read("level-000")
    other = Run(run.params, run.corpus, "lstm")
    write_tokens(other.tokens)
    with resume.checkpointer("train", other, 0) as checkpointer:
        assert checkpointer.read("level-000") is None


def test_a_record_of_this_kind_of_machine_changes_nothing(run: Run) -> None:
    before = resume.entry("train", run, 0)
    provenance.record(run.cell, provenance.of_this_machine(run.params.device, run.params.threads))
    assert resume.entry("train", run, 0) == before
    with resume.checkpointer("train", run, 0) as checkpointer:
        assert checkpointer.read("level-000") is None


def test_a_damaged_record_is_named(run: Run) -> None:
    provenance.record(run.cell, {})
    (path,) = (Path("checkpoints")).glob("*.elsewhere.json")
    path.write_text('{"device"')
    refused(lambda: provenance.check(run), "rotten_tomatoes-cnn.elsewhere.json", "remove it")


def test_the_code_of_groups_counts_where_they_are_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU by itself they are not, and its provenance is as it was."""
    monkeypatch.delenv("LOTTERY_LOCKSTEP", raising=False)
    alone = provenance.of_this_machine("cpu", 1)
    assert "lockstep" not in alone
    monkeypatch.setenv("LOTTERY_LOCKSTEP", "1")
    assert provenance.of_this_machine("cpu", 1) == {**alone, "lockstep": grouping.code()}
    monkeypatch.setenv("LOTTERY_LOCKSTEP", "yes")
    refused(lambda: provenance.of_this_machine("cpu", 1), "LOTTERY_LOCKSTEP", "0 or 1", "yes")
