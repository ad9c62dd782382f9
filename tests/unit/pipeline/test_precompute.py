"""What is started when, whatever becomes of it: the driver with an executor that only pretends."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from helpers import ROOT

from lottery.config import params
from lottery.errors import LotteryError
from lottery.pipeline import training_runs
from lottery.pipeline.assembly import Survey
from lottery.pipeline.board import Board, State
from lottery.pipeline.precompute import Precompute
from lottery.pipeline.precompute_progress import MEASURED_S, PrecomputeProgress
from lottery.pipeline.processes import Report, Result
from lottery.pipeline.reporter import Position
from lottery.pipeline.training_runs import TrainingRun
from lottery.pipeline.units import Unit

RUNS = training_runs.of_grid(params.load(ROOT / "profiles" / "smoke.yaml"))
DENSE = "train rotten_tomatoes-cnn seed 0"
TICKET = "prune rotten_tomatoes-cnn-winning_ticket seed 0"
CONTROL = "branch rotten_tomatoes-cnn-reinit_same_mask seed 0"


class Store:
    """Stands in for the assembler and the executor: a run store without training."""

    trained_by, slots = "a test", 3

    def __init__(self, done: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        self.done, self.busy, self.diverged = set(done), set[str](), set[str]()
        self.broken = set[str]()
        self.refused = dict[str, set[str]]()
        self.started: list[str] = []
        self.assembled: list[str] = []
        self._running: list[str] = []

    def survey(self, run: TrainingRun, has_inputs: bool) -> Survey:
        levels = (1, 2) if run.stage == "prune" else (0,)
        if not has_inputs:
            return Survey(levels)
        assert set(run.needs) <= set(self.assembled), "what it starts from is not there"
        return Survey(levels, (), run.name in self.done, run.name in self.busy)

    def assemble(self, run: TrainingRun) -> str | None:
        assert run.name in self.done
        self.assembled.append(run.name)
        return "diverged" if run.name in self.diverged else None

    def seconds_per_epoch(self, run: TrainingRun) -> float:
        return 1.0 if run.run.model == "cnn" else 4.0

    @property
    def free(self) -> int:
        return self.slots - len(self._running)

    def start(self, unit: Unit) -> bool:
        assert self.free
        if unit.name in self.refused and not self.done.issuperset(self.refused[unit.name]):
            return False
        self.started.append(unit.name)
        self._running.append(unit.name)
        return True

    def reports(self) -> Iterator[tuple[str, Report]]:
        if not self._running:
            return
        name = self._running.pop()
        yield name, Position(0.5, "level 1/2", is_work=True)
        if name in self.broken:
            yield name, LotteryError("no more memory")
        else:
            self.done.add(name)
            yield name, Result(None)


def precomputed(store: Store) -> Precompute:
    work = Precompute(Board(RUNS), store)  # type: ignore[arg-type]
    work.survey()
    work.train(store, work.seconds())
    return work


def test_everything_is_trained_once_and_what_later_runs_need_is_assembled() -> None:
    store = Store()
    work = precomputed(store)
    assert sorted(store.started) == sorted(run.name for run in RUNS)
    assert len(work.board.in_state(State.DONE)) == len(RUNS)
    needed = {name for run in RUNS for name in run.needs}
    assert set(store.assembled) == needed
    assert work.errors == {}


def test_what_is_done_is_not_started() -> None:
    """Nor, when all is done, is anything pending."""
    trained = {run.name for run in RUNS if run.stage in ("train", "prune")}
    store = Store(done=trained)
    assert set(precomputed(store).pending) == {run.name for run in RUNS} - trained
    assert set(store.started) == {run.name for run in RUNS} - trained
    everything = Store(done={run.name for run in RUNS})
    assert precomputed(everything).pending == {}
    assert everything.started == []


def test_what_another_process_works_on_comes_last() -> None:
    store = Store()
    store.busy = {DENSE, "train rotten_tomatoes-cnn seed 1"}
    precomputed(store)
    assert sorted(store.started) == sorted(run.name for run in RUNS)
    assert set(store.started[:2]).isdisjoint(store.busy)


def test_what_the_executor_cannot_start_yet_is_tried_again() -> None:
    store = Store()
    store.refused = {DENSE: {"train rotten_tomatoes-cnn seed 1", CONTROL.replace("0", "1")}}
    work = precomputed(store)
    assert len(work.board.in_state(State.DONE)) == len(RUNS)
    assert store.started.index(DENSE) > store.started.index(CONTROL.replace("0", "1"))


def test_what_another_process_has_finished_meanwhile_is_not_started() -> None:
    store = Store()
    work = Precompute(Board(RUNS), store)  # type: ignore[arg-type]
    work.survey()
    store.done.add(TICKET)
    work.train(store, work.seconds())
    assert TICKET not in store.started
    assert CONTROL in store.started


def test_a_run_that_fails_stops_only_those_that_need_it() -> None:
    store = Store()
    store.broken = {TICKET}
    work = precomputed(store)
    assert work.errors == {TICKET: "no more memory"}
    failed = {run.name for run in work.board.in_state(State.FAILED)}
    assert failed == {TICKET, CONTROL, "connectivity rotten_tomatoes-cnn seed 0"}
    assert set(store.started) == {run.name for run in RUNS} - failed | {TICKET}


def test_a_dense_run_that_diverged_leaves_out_what_starts_from_it() -> None:
    store = Store()
    store.diverged = {DENSE}
    work = precomputed(store)
    left_out = {run.name for run in work.board.in_state(State.LEFT_OUT)}
    assert left_out == {
        run.name for run in RUNS if run.run.cell == "rotten_tomatoes-cnn" and run.seed == 0
    }
    assert work.errors == {}
    assert DENSE in store.started


def test_the_estimate_counts_levels_and_epochs() -> None:
    store = Store(done={run.name for run in RUNS if run.stage == "train"})
    work = Precompute(Board(RUNS), store)  # type: ignore[arg-type]
    work.survey()
    seconds = work.seconds()
    assert seconds[TICKET] == 2 * 2 * 1.0, "levels, epochs, seconds per epoch"
    lines = list(work.lines(seconds, 2))
    assert lines[0] == "precompute: 20 of 24 training runs are pending"
    assert (
        "  prune rotten_tomatoes-lstm-winning_ticket: 4 trainings (seeds 0, 1), 32 s of one process"
        in lines
    )
    assert sum(seconds.values()) == 160
    assert lines[-1] == "about 80 s on 2 processes"


@pytest.fixture
def clock() -> SimpleNamespace:
    return SimpleNamespace(now=100.0)


def test_the_time_left_is_the_estimate_first_and_then_the_speed(clock: SimpleNamespace) -> None:
    progress = PrecomputeProgress({"a": 100.0, "b": 100.0}, 2, lambda: clock.now)
    assert progress.status().left_s == 100
    progress.began("a")
    progress.moved("a", Position(0.0, "", is_work=True))
    clock.now += 2 * MEASURED_S
    progress.moved("a", Position(0.2, "", is_work=True))
    status = progress.status()
    assert status.left_s == pytest.approx(180 / (20 / (2 * MEASURED_S)))
    assert status.share == pytest.approx(0.1)
    assert status.details == ("0/2 runs", "1 running")


def test_what_was_read_from_checkpoints_says_nothing_of_the_speed(clock: SimpleNamespace) -> None:
    progress = PrecomputeProgress({"a": 100.0, "b": 100.0}, 1, lambda: clock.now)
    progress.began("a")
    progress.moved("a", Position(0.0, ""))
    progress.moved("a", Position(0.5, ""))
    progress.moved("a", Position(0.5, "", is_work=True))
    clock.now += 2 * MEASURED_S
    progress.moved("a", Position(0.75, "", is_work=True))
    assert progress.status().share == pytest.approx(0.25)
    assert progress.status().left_s == pytest.approx(150 * 2 * MEASURED_S / 50)
    progress.ended("b")  # another process was faster
    progress.ended("a", failed=True)
    assert progress.status().details == ("2/2 runs", "1 failed")
    assert progress.status().left_s == 0
