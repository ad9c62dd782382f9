"""Checkpoints: a run that resumes from them gives the same bytes, and damage is noticed."""

import time
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch
from helpers import (
    MODELS,
    MakeCell,
    Stopped,
    interrupted,
    load_strategy,
    pruning_run,
    quiet,
    record_training,
    same,
    stop_after,
    with_prune,
)

from lottery.experiment.cell import Cell
from lottery.experiment.replicate import DenseRun, Level, OnEpoch, Replicate
from lottery.kernels import lazy_adam
from lottery.pruning.criteria import magnitude
from lottery.training import optimizers
from lottery.training.checkpointing import Checkpoint, Checkpointer, EpochCheckpointer


def nothing_trains(metrics: object) -> NoReturn:
    raise AssertionError("an epoch is trained again")


def dense_run(
    cell: Cell, checkpointer: Checkpointer, on_epoch: OnEpoch = lambda metrics: None
) -> DenseRun:
    return Replicate(cell, 0, checkpointer, on_epoch).dense_run()


def resumable_run(
    cell: Cell,
    name: str,
    dense: DenseRun,
    checkpointer: Checkpointer,
    on_epoch: OnEpoch = lambda metrics: None,
) -> list[Level]:
    """As ``helpers.pruning_run``, with checkpoints."""
    replicate = Replicate(cell, 0, checkpointer, on_epoch)
    return list(replicate.pruning_run(load_strategy(name), magnitude.score, dense))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("patience", [None, 2])
@pytest.mark.parametrize("every", [1, 2])
def test_a_dense_run_that_is_stopped_again_and_again(
    make_cell: MakeCell, tmp_path: Path, model: str, patience: int | None, every: int
) -> None:
    cell = make_cell(model, epochs=6, epoch=2, patience=patience, lr=0.05)
    folder = tmp_path / "checkpoints"
    expected = Replicate(cell, 0).dense_run()
    resumed = interrupted(
        lambda on_epoch: dense_run(cell, Checkpointer(folder, 0), on_epoch), every
    )
    assert resumed.history == expected.history
    for name in ("init", "rewind", "final", "last"):
        assert same(getattr(resumed, name), getattr(expected, name)), name
    checkpointer = Checkpointer(folder, 0)
    again = dense_run(cell, checkpointer, nothing_trains)
    assert same(again.final, expected.final)
    assert same(again.last, expected.last)
    assert same(again.rewind, expected.rewind)
    assert checkpointer.seconds_resumed > 0
    assert not list(folder.glob(f"{EpochCheckpointer.NAME}.*"))


def test_the_best_weights_of_earlier_processes_are_restored(
    make_cell: MakeCell, tmp_path: Path
) -> None:
    cell = make_cell(epochs=30, lr=0.3, schedule="constant", patience=2)
    expected = Replicate(cell, 0).dense_run()
    losses = [metrics["validation_loss"] for metrics in expected.history]
    assert losses.index(min(losses)) == len(losses) - 3, "the best epoch is not the last"
    folder = tmp_path / "checkpoints"
    resumed = interrupted(lambda on_epoch: dense_run(cell, Checkpointer(folder, 0), on_epoch), 1)
    assert resumed.history == expected.history
    assert same(resumed.final, expected.final)
    assert same(resumed.last, expected.last)
    assert not same(resumed.last, resumed.final)


@pytest.mark.parametrize("name", ["last", "level-000"])
def test_a_stop_while_the_last_weights_are_saved(
    make_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """At most one epoch is trained again, and the weights of the last one are not lost."""
    cell = make_cell(epochs=30, lr=0.3, schedule="constant", patience=2)
    expected = Replicate(cell, 0).dense_run()
    save, folder = Checkpointer.save, tmp_path / "checkpoints"

    def stopping(checkpointer: Checkpointer, saved: str, *arguments: Any) -> None:
        if saved == name:
            raise Stopped
        save(checkpointer, saved, *arguments)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Checkpointer, "save", stopping)
        dense_run(cell, Checkpointer(folder, 0))
    resumed = dense_run(cell, Checkpointer(folder, 0), stop_after(1))
    for run in (resumed, dense_run(cell, Checkpointer(folder, 0), nothing_trains)):
        assert run.history == expected.history
        assert same(run.final, expected.final)
        assert same(run.last, expected.last)


def test_lost_last_weights_are_trained_again(make_cell: MakeCell, tmp_path: Path) -> None:
    cell = make_cell(epochs=30, lr=0.3, schedule="constant", patience=2)
    folder = tmp_path / "checkpoints"
    expected = dense_run(cell, Checkpointer(folder, 0))
    (path,) = folder.glob("last.*")
    path.write_bytes(b"torn")
    checkpointer = Checkpointer(folder, 0, lambda text: None)
    resumed = dense_run(cell, checkpointer)
    assert checkpointer.seconds_resumed == 0, "nothing could be used"
    assert resumed.history == expected.history
    assert same(resumed.last, expected.last)
    assert same(resumed.final, expected.final)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["winning_ticket", "late_rewinding", "random_reinit"])
def test_a_pruning_run_that_is_stopped_again_and_again(
    make_cell: MakeCell, tmp_path: Path, model: str, name: str
) -> None:
    cell = make_cell(model, epochs=3)
    dense = Replicate(cell, 0).dense_run()
    expected = pruning_run(cell, name, dense)
    resumed = interrupted(
        lambda on_epoch: resumable_run(
            cell, name, dense, Checkpointer(tmp_path / "checkpoints", 0), on_epoch
        ),
        1,
    )
    for one, other in zip(resumed, expected, strict=True):
        assert one.history == other.history
        assert same(one.weights, other.weights)
        assert same(one.pruned_at, other.pruned_at)


def test_more_levels_train_only_the_new_ones(
    make_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell()
    dense = Replicate(cell, 0).dense_run()
    calls = record_training(monkeypatch)
    for count in (2, 4, 3):
        checkpointer = Checkpointer(tmp_path / "checkpoints")
        levels = resumable_run(
            with_prune(cell, levels=count), "winning_ticket", dense, checkpointer
        )
        assert [level.number for level in levels] == list(range(1, count + 1))
    assert [call.plan.level for call in calls] == [1, 2, 3, 4]


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
@pytest.mark.parametrize("victim", ["level-002", "level-001", "epoch"])
def test_damage_is_noticed_and_trained_again(
    make_cell: MakeCell, tmp_path: Path, damage: str, victim: str
) -> None:
    cell = make_cell(epochs=3)
    dense = Replicate(cell, 0).dense_run()
    expected = pruning_run(cell, "winning_ticket", dense)
    reports: list[str] = []
    folder = tmp_path / "checkpoints"

    def run(on_epoch: OnEpoch) -> list[Level]:
        checkpointer = Checkpointer(folder, 0, reports.append)
        return resumable_run(cell, "winning_ticket", dense, checkpointer, on_epoch)

    with pytest.raises(Stopped):
        run(stop_after(8))  # two levels of three epochs, and two epochs of the third
    (path,) = folder.glob(f"{victim}.*.safetensors")
    content = path.read_bytes()
    changed = content[:-1] + bytes([content[-1] ^ 1])
    path.write_bytes({"cut": content[:-9], "changed": changed, "empty": b""}[damage])
    resumed = run(quiet)
    assert reports == [f"{path}: damaged; training it again"]
    assert same(resumed[-1].weights, expected[-1].weights)
    assert [level.history for level in resumed] == [level.history for level in expected]


@pytest.mark.parametrize("done", [2, 3])
def test_lost_weights_to_rewind_to_are_trained_again(
    make_cell: MakeCell, tmp_path: Path, done: int
) -> None:
    """Whether the run has just come to their epoch, or is past it."""
    cell = make_cell(epochs=4, epoch=2)
    folder = tmp_path / "checkpoints"
    expected = Replicate(cell, 0).dense_run()
    with pytest.raises(Stopped):
        dense_run(cell, Checkpointer(folder, 0), stop_after(done))
    (path,) = folder.glob("rewind.*")
    path.write_bytes(b"torn")
    resumed = dense_run(cell, Checkpointer(folder, 0, lambda text: None))
    assert same(resumed.rewind, expected.rewind)
    assert same(resumed.final, expected.final)


def test_lost_weights_to_rewind_to_of_a_run_that_is_done(
    make_cell: MakeCell, tmp_path: Path
) -> None:
    cell = make_cell(epochs=4, epoch=2)
    folder = tmp_path / "checkpoints"
    expected = dense_run(cell, Checkpointer(folder, 0))
    (path,) = folder.glob("rewind.*")
    path.write_bytes(b"torn")
    checkpointer = Checkpointer(folder, 0, lambda text: None)
    resumed = dense_run(cell, checkpointer)
    assert checkpointer.seconds_resumed == 0, "nothing could be used"
    assert resumed.history == expected.history
    assert same(resumed.rewind, expected.rewind)
    assert same(resumed.final, expected.final)


def test_short_epochs_share_a_checkpoint(make_cell: MakeCell, tmp_path: Path) -> None:
    cell = make_cell(epochs=4)
    folder = tmp_path / "checkpoints"
    with pytest.raises(Stopped):
        dense_run(cell, Checkpointer(folder, seconds=1000), stop_after(3))
    assert not list(folder.glob(f"{EpochCheckpointer.NAME}.*"))


def test_an_epoch_is_saved_if_enough_was_trained_since_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a process that resumes adds its seconds to those of the one before."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    folder = tmp_path / "checkpoints"
    epochs = Checkpointer(folder, seconds=10).epochs(1)
    written: list[float] = []

    def make() -> Checkpoint:
        written.append(now - 1000)
        return Checkpoint({"a": torch.ones(1)}, {"history": []})

    for _ in range(7):
        now += 4
        epochs.save(make)
    assert written == [12, 24]
    resumed = Checkpointer(folder, seconds=10)
    epochs = resumed.epochs(1)
    now += 100
    assert epochs.read() is not None
    assert resumed.seconds_resumed == 24
    assert epochs.seconds() == 24 + 100
    assert resumed.epochs(2).read() is None, "it is of another level"
    assert resumed.seconds_resumed == 24


def test_the_fused_adam_resumes_too(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a GPU would run, on the CPU."""
    monkeypatch.setattr(optimizers, "LazyAdam", optimizers.FusedAdam)
    cell = make_cell(epochs=4)
    expected = Replicate(cell, 0).dense_run()
    folder = tmp_path / "checkpoints"
    resumed = interrupted(lambda on_epoch: dense_run(cell, Checkpointer(folder, 0), on_epoch), 1)
    assert same(resumed.final, expected.final)


def test_a_schedule_that_is_resumed_owes_what_it_would_have() -> None:
    """Past the window and past the arrays' first size, at learning rates that change."""
    whole, resumed = lazy_adam.Schedule(), lazy_adam.Schedule()
    for step in range(1000):
        if step == 850:
            resumed.restart(850)
        rate = 0.01 * (1 - step / 1000)
        expected = whole.advance(rate)
        if step >= 850:
            assert resumed.advance(rate) == expected
    for name in ("moves", "shifts"):
        one, other = (getattr(schedule, name)[850:1000] for schedule in (whole, resumed))
        assert np.array_equal(one, other)
