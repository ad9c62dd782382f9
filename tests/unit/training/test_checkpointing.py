"""What is kept of a run: going on from it gives the same bytes, and damage is found out."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import MODELS
from test_runs import PRUNE, quiet, strategy

from lottery import runs
from lottery.cells import Cell
from lottery.errors import LotteryError
from lottery.kernels import rows
from lottery.pruning.criteria.magnitude import CRITERION as MAGNITUDE
from lottery.runs import DenseRun, Level
from lottery.training import loop, optimisers
from lottery.training.progress import Epochs, Progress, State
from stages import _locks, _progress

MakeCell = Callable[..., Cell]


class Stop(Exception):
    """Stands in for a kill."""


def after(count: int) -> Callable[[int, loop.Row], None]:
    """Stops the run in the epoch after ``count`` of this process are done."""
    seen = iter(range(count))

    def on_epoch(epoch: int, row: loop.Row) -> None:
        if next(seen, None) is None:
            raise Stop

    return on_epoch


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def interrupted(run: Callable[[Callable[[int, loop.Row], None]], object], every: int) -> object:
    """``run`` to its end, stopped after each ``every`` epochs."""
    for _ in range(200):
        try:
            return run(after(every))
        except Stop:
            continue
    raise AssertionError("no progress is made")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("patience", [None, 2])
@pytest.mark.parametrize("every", [1, 2])
def test_a_dense_run_that_is_stopped_again_and_again(
    make_cell: MakeCell, tmp_path: Path, model: str, patience: int | None, every: int
) -> None:
    cell = make_cell(model, epochs=6, epoch=2, patience=patience, lr=0.05)
    expected = runs.dense(cell, 0, quiet)
    found = interrupted(lambda stop: runs.dense(cell, 0, stop, Progress(tmp_path / "p", 0)), every)
    assert isinstance(found, DenseRun)
    assert found.history == expected.history
    for state in ("init", "rewind", "final"):
        assert same(getattr(found, state), getattr(expected, state)), state
    again = Progress(tmp_path / "p", 0)
    assert same(runs.dense(cell, 0, quiet, again).final, expected.final)
    assert again.saved > 0
    assert not list((tmp_path / "p").glob(f"{Epochs.NAME}.*"))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["winning_ticket", "late_rewinding", "random_reinit"])
def test_a_chain_that_is_stopped_again_and_again(
    make_cell: MakeCell, tmp_path: Path, model: str, name: str
) -> None:
    cell = make_cell(model, epochs=3)
    dense = runs.dense(cell, 0, quiet)

    def run(stop: Callable[[int, loop.Row], None], prune: object = PRUNE) -> list[Level]:
        progress = Progress(tmp_path / "p", 0)
        return list(runs.chain(cell, strategy(name), MAGNITUDE, dense, 0, prune, stop, progress))

    expected = list(runs.chain(cell, strategy(name), MAGNITUDE, dense, 0, PRUNE, quiet))
    found = interrupted(run, 1)
    assert isinstance(found, list)
    for one, other in zip(found, expected, strict=True):
        assert one.history == other.history
        assert same(one.weights, other.weights)
        assert same(one.removed_at, other.removed_at)


def test_more_levels_train_only_the_new_ones(
    make_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell()
    dense = runs.dense(cell, 0, quiet)
    trained: list[int] = []
    original = loop.train

    def train(*arguments: object, **named: object) -> object:
        trained.append(arguments[4].level)  # type: ignore[attr-defined]
        return original(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "train", train)
    for levels in (2, 4, 3):
        prune = type("Prune", (), {**vars(PRUNE), "levels": levels})
        progress = Progress(tmp_path / "p")
        chain = runs.chain(
            cell, strategy("winning_ticket"), MAGNITUDE, dense, 0, prune, quiet, progress
        )
        assert [level.number for level in chain] == list(range(1, levels + 1))
    assert trained == [1, 2, 3, 4]


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
@pytest.mark.parametrize("victim", ["level-002", "level-001", "epoch"])
def test_damage_is_found_and_done_again(
    make_cell: MakeCell, tmp_path: Path, damage: str, victim: str
) -> None:
    cell = make_cell(epochs=3)
    dense = runs.dense(cell, 0, quiet)
    expected = list(runs.chain(cell, strategy("winning_ticket"), MAGNITUDE, dense, 0, PRUNE, quiet))
    said: list[str] = []

    def run(stop: Callable[[int, loop.Row], None]) -> list[Level]:
        progress = Progress(tmp_path / "p", 0, said.append)
        return list(
            runs.chain(cell, strategy("winning_ticket"), MAGNITUDE, dense, 0, PRUNE, stop, progress)
        )

    with pytest.raises(Stop):
        run(after(8))  # two levels of three epochs, and two epochs of the third
    (path,) = (tmp_path / "p").glob(f"{victim}.*.safetensors")
    content = path.read_bytes()
    changed = content[:-1] + bytes([content[-1] ^ 1])
    path.write_bytes({"cut": content[:-9], "changed": changed, "empty": b""}[damage])
    found = run(quiet)
    assert said == [f"{path}: damaged; what it held is trained again"]
    assert same(found[-1].weights, expected[-1].weights)
    assert [level.history for level in found] == [level.history for level in expected]


@pytest.mark.parametrize("done", [2, 3])
def test_a_lost_state_to_rewind_to_is_trained_again(
    make_cell: MakeCell, tmp_path: Path, done: int
) -> None:
    """Whether the run has just come to its epoch, or is past it."""
    cell = make_cell(epochs=4, epoch=2)
    expected = runs.dense(cell, 0, quiet)
    with pytest.raises(Stop):
        runs.dense(cell, 0, after(done), Progress(tmp_path / "p", 0))
    (path,) = (tmp_path / "p").glob("rewind.*")
    path.write_bytes(b"torn")
    found = runs.dense(cell, 0, quiet, Progress(tmp_path / "p", 0, lambda text: None))
    assert same(found.rewind, expected.rewind)
    assert same(found.final, expected.final)


def test_short_epochs_are_kept_together(make_cell: MakeCell, tmp_path: Path) -> None:
    cell = make_cell(epochs=4)
    with pytest.raises(Stop):
        runs.dense(cell, 0, after(3), Progress(tmp_path / "p", seconds=1000))
    assert not list((tmp_path / "p").glob(f"{Epochs.NAME}.*"))


def test_an_epoch_is_written_if_enough_was_trained_since_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a process that goes on adds its seconds to those of the one before."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    epochs = Progress(tmp_path / "p", seconds=10).epochs(1)
    written: list[float] = []

    def make() -> State:
        written.append(now - 1000)
        return State({"a": torch.ones(1)}, {"rows": []})

    for _ in range(7):
        now += 4
        epochs.keep(make)
    assert written == [12, 24]
    again = Progress(tmp_path / "p", seconds=10)
    epochs = again.epochs(1)
    now += 100
    assert epochs.read() is not None
    assert again.saved == 24
    assert epochs.seconds() == 24 + 100
    assert again.epochs(2).read() is None, "it is of another level"
    assert again.saved == 24


def test_torchs_own_adam_goes_on_too(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a GPU would run, on the CPU."""
    monkeypatch.setattr(optimisers, "Rowwise", optimisers.Fused)
    cell = make_cell(epochs=4)
    expected = runs.dense(cell, 0, quiet)
    found = interrupted(lambda stop: runs.dense(cell, 0, stop, Progress(tmp_path / "p", 0)), 1)
    assert isinstance(found, DenseRun)
    assert same(found.final, expected.final)


@pytest.fixture
def progress_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LOTTERY_PROGRESS", str(tmp_path / "progress"))
    yield tmp_path / "progress"


def test_other_facts_are_another_run(progress_folder: Path) -> None:
    with _progress.kept("cell", 0, {"lr": 0.1}) as one:
        one.keep("level-001", {"a": torch.ones(2)}, {})
    with _progress.kept("cell", 0, {"lr": 0.2}) as other:
        assert other.read("level-001") is None
    with _progress.kept("cell", 0, {"lr": 0.1}) as again:
        state = again.read("level-001")
        assert state is not None and torch.equal(state.tensors["a"], torch.ones(2))


def test_facts_change_with_what_they_are_of(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_text("one")
    facts = [_progress.facts({"a": 1}, [path], torch.device("cpu"))]
    path.write_text("two")
    facts.append(_progress.facts({"a": 1}, [path], torch.device("cpu")))
    assert facts[0]["inputs"] != facts[1]["inputs"]
    assert "src/lottery/training/loop.py" in facts[0]["code"]


@pytest.mark.parametrize("value", ["soon", "-1", "nan", ""])
def test_seconds_that_are_none(
    progress_folder: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(_progress.VARIABLE, value)
    with pytest.raises(LotteryError, match=_progress.VARIABLE), _progress.kept("cell", 0, {}):
        pass


def test_a_lock_is_given_back(tmp_path: Path) -> None:
    for _ in range(2):
        with _locks.held(tmp_path / "lock", "a run"):
            pass


def test_a_schedule_that_goes_on_owes_what_it_would_have() -> None:
    """Past the window and past the arrays' first size, at learning rates that change."""
    whole, resumed = rows.Schedule(), rows.Schedule()
    for step in range(1000):
        if step == 850:
            resumed.restart(850)
        rate = 0.01 * (1 - step / 1000)
        expected = whole.advance(rate)
        if step >= 850:
            assert resumed.advance(rate) == expected
    for name in ("moves", "shifts"):
        one, other = (getattr(own, name)[850:1000] for own in (whole, resumed))
        assert np.array_equal(one, other)
