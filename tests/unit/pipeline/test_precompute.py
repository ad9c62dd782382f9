"""What is started when, whatever becomes of it: the driver with an executor that only pretends."""

from collections.abc import Iterator, Sequence
from types import SimpleNamespace

import pytest
from helpers import ROOT

from lottery.config import params
from lottery.errors import LotteryError
from lottery.pipeline import grouping, training_runs
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

    trained_by, slots, in_groups = "a test", 3, False

    def __init__(self, done: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        self.done, self.busy, self.diverged = set(done), set[str](), set[str]()
        self.broken = set[str]()
        self.refused = dict[str, set[str]]()
        self.started: list[str] = []
        self.assembled: list[str] = []
        self.units: list[tuple[str, ...]] = []
        self._running: list[Unit] = []

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

    def seconds_per_epoch(self, runs: Sequence[TrainingRun]) -> float:
        return (1.0 if runs[0].run.model == "cnn" else 4.0) * (1 + len(runs)) / 2

    @property
    def free(self) -> int:
        return self.slots - len(self._running)

    def start(self, unit: Unit) -> bool:
        assert self.free
        if unit.name in self.refused and not self.done.issuperset(self.refused[unit.name]):
            return False
        self.units.append(tuple(run.name for run in unit.runs))
        self.started += [run.name for run in unit.runs if run.name not in self.done]
        self._running.append(unit)
        return True

    def reports(self) -> Iterator[tuple[str, Report]]:
        if not self._running:
            return
        unit = self._running.pop()
        names = [run.name for run in unit.runs]
        for name in names:
            yield unit.name, Position(0.5, "level 1/2", is_work=True, run=name)
        if self.broken.intersection(names):
            yield unit.name, LotteryError("no more memory")
        else:
            self.done.update(names)
            yield unit.name, Result(None)


ALONE = [(run,) for run in RUNS]


def precompute(store: Store, groups: Sequence[tuple[TrainingRun, ...]] = ALONE) -> Precompute:
    return Precompute(Board(RUNS), store, groups)  # type: ignore[arg-type]


def precomputed(store: Store, groups: Sequence[tuple[TrainingRun, ...]] = ALONE) -> Precompute:
    work = precompute(store, groups)
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
    work = precompute(store)
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
    work = precompute(store)
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


GROUPS = grouping.groups(RUNS)


def test_groups_are_the_seeds_and_arms_of_a_stage_and_cell() -> None:
    names = [[run.name for run in group] for group in GROUPS]
    prune = "prune rotten_tomatoes-cnn"
    assert names[1] == [
        f"{prune}-{arm} seed {seed}"
        for arm in ("winning_ticket", "late_rewinding", "random_reinit")
        for seed in (0, 1)
    ]
    assert sorted(name for group in names for name in group) == sorted(run.name for run in RUNS)
    assert all(len({(run.stage, run.run.cell) for run in group}) == 1 for group in GROUPS)


def test_what_is_done_of_a_group_trains_with_it_once_more() -> None:
    """Which networks train together must not depend on what was interrupted when."""
    done = {run.name for run in RUNS if run.stage == "train"} | {TICKET}
    store = Store(done=done)
    work = precomputed(store, GROUPS)
    assert set(store.started) == {run.name for run in RUNS} - done
    assert sorted(store.units) == sorted(
        tuple(run.name for run in group) for group in GROUPS if group[0].stage != "train"
    )
    assert len(work.board.in_state(State.DONE)) == len(RUNS)


def test_a_group_that_fails_is_named_and_stops_those_that_need_it() -> None:
    store = Store()
    store.broken = {TICKET}
    work = precomputed(store, GROUPS)
    pruning_runs = [group for group in GROUPS if TICKET in [run.name for run in group]]
    assert set(work.errors) == {run.name for group in pruning_runs for run in group}
    failed = {run.name for run in work.board.in_state(State.FAILED)}
    assert CONTROL in failed
    assert not [name for name in failed if "lstm" in name]


def test_a_group_of_which_one_cannot_be_trained_is_not_trained_without_it() -> None:
    """That would be another group, with other last bits."""
    store = Store()
    work = precompute(store, GROUPS)
    work.survey()
    work.board.set(TICKET, State.FAILED)
    work.train(store, work.seconds())
    (group,) = [group for group in GROUPS if TICKET in [run.name for run in group]]
    assert work.board.in_state(State.FAILED, among=group) == list(group)
    assert not {run.name for run in group} & set(store.started)


def test_a_group_goes_on_without_those_whose_dense_run_diverged() -> None:
    store = Store()
    store.diverged = {DENSE}
    work = precomputed(store, GROUPS)
    assert work.errors == {}
    (pruning_runs,) = [
        unit for unit in store.units if unit[0].startswith("prune rotten_tomatoes-cnn")
    ]
    assert all(name.endswith("seed 1") for name in pruning_runs)
    assert len(pruning_runs) == 3


def test_the_estimate_of_a_group_is_shared_among_its_runs() -> None:
    work = precompute(Store(done={run.name for run in RUNS if run.stage == "train"}), GROUPS)
    work.survey()
    seconds = work.seconds()
    assert seconds[TICKET] == 2 * 2 * 1.0 * (1 + 6) / 2 / 6, "levels, epochs, a group of six"
    work = precompute(Store(done={run.name for run in RUNS if run.name != TICKET}), GROUPS)
    work.survey()
    assert work.seconds()[TICKET] == 2 * 2 * 1.0 * (1 + 6) / 2, "the others train with it"
    assert list(work.lines(seconds, 1))[-1].endswith(" on 1 process, up to 6 networks in lockstep")


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
