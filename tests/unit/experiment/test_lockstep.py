"""Runs whose levels train in lockstep: the same checkpoints, from which any run resumes."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import safetensors
import torch
from helpers import MODELS, MakeCell, Stopped, load_strategy, same, winning_ticket
from hypothesis import given
from hypothesis import strategies as st

from lottery.config import plugins
from lottery.errors import LotteryError
from lottery.experiment import branches, replicate
from lottery.experiment.cell import Cell
from lottery.experiment.lockstep import group
from lottery.experiment.lockstep.group import Participant
from lottery.experiment.lockstep.replicate import Replicate, failure
from lottery.experiment.replicate import DenseRun, Level
from lottery.pipeline import resume
from lottery.pruning.criteria import magnitude
from lottery.pruning.strategy import Start
from lottery.training.checkpointing import Checkpoint, Checkpointer
from lottery.training.loop import Diverged, EpochMetrics

ARMS = ("winning_ticket", "late_rewinding", "random_reinit")


def untrained(metrics: EpochMetrics) -> None:
    raise AssertionError("nothing is to be trained")


PLAN = SimpleNamespace(level=1, seed=1, lr=0.1)


class Folders:
    """Dense runs of seeds, or pruning runs of arms, with checkpoints in a folder each."""

    def __init__(self, cell: Cell, folder: Path) -> None:
        self.cell, self.folder = cell, folder

    def checkpointer(self, name: object) -> Checkpointer:
        return Checkpointer(self.folder / str(name), seconds=0)

    def dense(self, seeds: range, after_batch: group.AfterBatch = print) -> list[DenseRun]:
        def task(seed: int) -> Callable[[Participant], DenseRun]:
            return lambda participant: Replicate(
                self.cell, seed, self.checkpointer(seed), participant=participant
            ).dense_run()

        tasks = [task(seed) for seed in seeds]
        return group.run(tasks, self.checkpointer("group"), after_batch)

    def pruning(self, dense: DenseRun, after_batch: group.AfterBatch = print) -> list[list[Level]]:
        def task(arm: str) -> Callable[[Participant], list[Level]]:
            def run(participant: Participant) -> list[Level]:
                one = Replicate(self.cell, 0, self.checkpointer(arm), participant=participant)
                return list(one.pruning_run(load_strategy(arm), magnitude.score, dense))

            return run

        return group.run([task(arm) for arm in ARMS], self.checkpointer("group"), after_batch)


def quiet(*arguments: object) -> None:
    """Nothing after a batch."""


def stop_after(batches: int) -> group.AfterBatch:
    left = batches

    def after_batch(*arguments: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Stopped

    return after_batch


def same_run(one: DenseRun, other: DenseRun) -> bool:
    states = ("init", "rewind", "final", "last")
    return one.history == other.history and all(
        same(getattr(one, state), getattr(other, state)) for state in states
    )


def same_levels(ones: list[Level], others: list[Level]) -> bool:
    return len(ones) == len(others) and all(
        one.history == other.history
        and same(one.weights, other.weights)
        and same(one.pruned_at, other.pruned_at)
        for one, other in zip(ones, others, strict=True)
    )


@pytest.mark.parametrize("name", MODELS)
def test_a_dense_run_resumes_from_the_groups_checkpoints(
    name: str, make_cell: MakeCell, tmp_path: Path
) -> None:
    cell = make_cell(name, epochs=3)
    folders = Folders(cell, tmp_path / "store")
    for seed, dense in enumerate(folders.dense(range(3), quiet)):
        checkpointer = folders.checkpointer(seed)
        alone = replicate.Replicate(cell, seed, checkpointer, untrained).dense_run()
        assert same_run(alone, dense)
        assert checkpointer.seconds_resumed > 0
        (level,) = checkpointer.folder.glob("level-000.*")
        with safetensors.safe_open(level, "pt") as file:
            assert json.loads(file.metadata()["metadata"])["networks"] == 3
        trained = replicate.Replicate(cell, seed).dense_run()
        for state in ("init", "rewind", "final"):
            for key, value in getattr(trained, state).items():
                torch.testing.assert_close(getattr(dense, state)[key], value, atol=1e-4, rtol=1e-4)


def test_what_was_trained_alone_stays_as_it_is(make_cell: MakeCell, tmp_path: Path) -> None:
    """Its level and the weights to rewind to: a stage may have read them."""
    cell = make_cell(epochs=3)
    folders = Folders(cell, tmp_path)
    alone = replicate.Replicate(cell, 1, folders.checkpointer(1)).dense_run()
    before = {path.name: path.read_bytes() for path in (tmp_path / "1").iterdir()}
    sizes: set[int] = set()
    runs = folders.dense(range(3), lambda numbers, *rest: sizes.add(len(numbers)))
    assert sizes == {3}
    assert same_run(runs[1], alone)
    assert {path.name: path.read_bytes() for path in (tmp_path / "1").iterdir()} == before


def test_the_pruning_runs_of_all_strategies_train_together(
    make_cell: MakeCell, tmp_path: Path
) -> None:
    """Late rewinding joins each level at its epoch."""
    cell = make_cell(epochs=2, levels=2)
    dense, _ = winning_ticket(cell)
    together: set[int] = set()
    folders = Folders(cell, tmp_path / "store")
    runs = folders.pruning(dense, lambda numbers, *rest: together.add(len(numbers)))
    assert together == {2, 3}
    for arm, levels in zip(ARMS, runs, strict=True):
        one = replicate.Replicate(cell, 0, folders.checkpointer(arm), untrained)
        alone = list(one.pruning_run(load_strategy(arm), magnitude.score, dense))
        assert same_levels(alone, levels)
        assert [level.number for level in levels] == [1, 2]
        assert len(levels[0].history) == (1 if arm == "late_rewinding" else 2)


def test_controls_at_several_levels_train_together(make_cell: MakeCell) -> None:
    cell = make_cell(levels=2)
    dense, levels = winning_ticket(cell)
    make = plugins.load("lottery.pruning.controls", "reinit_same_mask", "control").make
    counts: set[int] = set()

    def task(level: int) -> Callable[[Participant], Level]:
        return lambda participant: branches.train_control(
            Replicate(cell, 0, participant=participant), make, dense, levels[-1].pruned_at, level
        )

    tasks = [task(level) for level in (1, 2)]
    results = group.run(tasks, after_batch=lambda numbers, *rest: counts.add(len(numbers)))
    assert counts == {2}
    for level, result in zip((1, 2), results, strict=True):
        one = replicate.Replicate(cell, 0)
        alone = branches.train_control(one, make, dense, levels[-1].pruned_at, level)
        for name, value in alone.weights.items():
            torch.testing.assert_close(result.weights[name], value, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("patience", [None, 1])
def test_interrupted_dense_runs_end_with_the_same_bytes(
    patience: int | None, make_cell: MakeCell, tmp_path: Path
) -> None:
    """With patience, one that has stopped in an earlier process still has its last weights."""
    cell = make_cell(epochs=5, epoch=2, patience=patience, lr=0.2)
    whole = Folders(cell, tmp_path / "whole").dense(range(3), quiet)
    folders = Folders(cell, tmp_path / "store")
    stops = 0
    while True:
        try:
            runs = folders.dense(range(3), stop_after(8))
            break
        except Stopped:
            stops += 1
    assert stops >= 2
    assert all(same_run(one, other) for one, other in zip(runs, whole, strict=True))
    if patience:
        assert len({len(run.history) for run in runs}) > 1, "they stop after different epochs"
    assert not list((folders.folder / "group").glob("*.safetensors"))


def test_interrupted_pruning_runs_end_with_the_same_bytes(
    make_cell: MakeCell, tmp_path: Path
) -> None:
    """Also where a kill, or a damaged file, left a level of some of the runs only."""
    cell = make_cell(epochs=2, levels=2)
    dense, _ = winning_ticket(cell)
    whole = Folders(cell, tmp_path / "whole").pruning(dense, quiet)
    folders = Folders(cell, tmp_path / "store")
    with pytest.raises(Stopped):
        folders.pruning(dense, stop_after(15))
    (level,) = (folders.folder / ARMS[1]).glob("level-001.*")
    level.unlink()
    runs = folders.pruning(dense, quiet)
    assert all(same_levels(one, other) for one, other in zip(runs, whole, strict=True))
    again = folders.pruning(dense, stop_after(0))
    assert all(same_levels(one, other) for one, other in zip(again, whole, strict=True))


def test_without_its_weights_to_rewind_to_a_group_begins_again(
    make_cell: MakeCell, tmp_path: Path
) -> None:
    cell = make_cell(epochs=4, epoch=1)
    whole = Folders(cell, tmp_path / "whole").dense(range(2), quiet)
    folders = Folders(cell, tmp_path / "store")
    with pytest.raises(Stopped):
        folders.dense(range(2), stop_after(15))
    (rewind,) = (folders.folder / "1").glob("rewind.*")
    rewind.unlink()
    runs = folders.dense(range(2), quiet)
    assert all(same_run(one, other) for one, other in zip(runs, whole, strict=True))


def test_a_run_that_diverges_leaves_the_others_and_is_not_trained_again(
    make_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell()
    draw = Cell.draw

    def broken(self: Cell, seed: int, purpose: str, level: int) -> dict[str, torch.Tensor]:
        weights = draw(self, seed, purpose, level)
        if seed == 1:
            weights["output_weight"][:] = torch.nan
        return weights

    monkeypatch.setattr(Cell, "draw", broken)

    def run(after_batch: group.AfterBatch) -> list[DenseRun | str]:
        def task(seed: int) -> Callable[[Participant], DenseRun | str]:
            def dense(participant: Participant) -> DenseRun | str:
                checkpointer = Checkpointer(tmp_path / str(seed))
                one = Replicate(cell, seed, checkpointer, participant=participant)
                try:
                    return one.dense_run()
                except Diverged as error:
                    return str(error)

            return dense

        return group.run([task(seed) for seed in range(3)], None, after_batch)

    first, message, third = run(quiet)
    assert isinstance(first, DenseRun)
    assert isinstance(third, DenseRun)
    with pytest.raises(Diverged) as error:
        replicate.Replicate(cell, 1).dense_run()
    assert message == str(error.value)
    assert failure(Checkpointer(tmp_path / "1"), 0) == (0, "the loss of batch 1 of 6")
    assert run(stop_after(0))[1] == message


class Recording(Checkpointer):
    """A checkpointer that raises Diverged for what it knows to have diverged."""

    def read(self, name: str) -> Checkpoint | None:
        if name == "level-001":
            raise Diverged(PLAN, 0, "a loss")  # type: ignore[arg-type]
        return super().read(name)


def test_a_checkpointer_may_know_what_diverged(make_cell: MakeCell, tmp_path: Path) -> None:
    """Others whose results are missing are trained in the group that it was in."""
    cell = make_cell()
    counts: set[int] = set()
    init = cell.draw(0, "init", 0)

    def task(checkpointer: Checkpointer) -> Callable[[Participant], Level | str]:
        def train(participant: Participant) -> Level | str:
            one = Replicate(cell, 0, checkpointer, participant=participant)
            try:
                return one.train_level(Start(init, 0), replicate.pruned_at_dense(init), 1)
            except Diverged as error:
                return str(error)

        return train

    tasks = [task(Recording(tmp_path / "recording")), task(Checkpointer(tmp_path / "other"))]
    group.run(tasks, None, lambda numbers, *rest: counts.add(len(numbers)))
    assert counts == {2}
    message, level = group.run(tasks, None, stop_after(0))
    assert "level 1, epoch 1: a loss" in str(message)
    assert isinstance(level, Level)


def test_tasks_begin_in_order() -> None:
    """They take locks: two processes with the same tasks must not wait for each other."""
    order: list[int] = []
    group.run([lambda participant: order.append(participant.number)] * 50)
    assert order == list(range(50))


def test_an_error_in_one_task_ends_all(make_cell: MakeCell) -> None:
    cell = make_cell()
    ended: list[str] = []

    def waiting(participant: Participant) -> None:
        one = Replicate(cell, 0, participant=participant)
        one.dense_run()
        try:
            one.dense_run()
        finally:
            ended.append("waiting")

    def failing(participant: Participant) -> None:
        Replicate(cell, 1, participant=participant).dense_run()
        raise LotteryError("no such file")

    with pytest.raises(LotteryError, match="no such file"):
        group.run([waiting, failing])
    assert ended == ["waiting"]


@given(st.integers(0, 60), st.integers(1, 20))
def test_groups_are_as_equal_as_they_can_be(count: int, size: int) -> None:
    items = list(range(count))
    chosen = group.groups(items, size)
    assert [item for part in chosen for item in part] == items
    assert len(chosen) == -(-count // size)
    if chosen:
        sizes = [len(part) for part in chosen]
        assert max(sizes) <= size
        assert max(sizes) - min(sizes) <= 1


def test_trainings_alone_keep_their_fingerprint() -> None:
    """The code of groups is not part of it: whoever trains alone does not run it."""
    paths = resume._closure_digests("lottery.models.cnn")
    assert not [path for path in paths if "lockstep" in path]
    assert "src/lottery/training/loop.py" in paths
