"""Which training runs are done, which can start, and which cannot any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum

from lottery.pipeline.training_runs import TrainingRun


class State(Enum):
    """Of a training run."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    LEFT_OUT = "left out"
    """A run that it needs diverged, or it diverged itself, so that those that need it have nothing
    to train."""
    FAILED = "failed"
    """It ended with an error, or one that it needs did."""


class Board:
    """The states of ``runs``, each of which comes after those that it needs."""

    def __init__(self, runs: Iterable[TrainingRun]) -> None:
        self.runs = {run.name: run for run in runs}
        self._states = dict.fromkeys(self.runs, State.WAITING)
        self._needed = {name for run in self.runs.values() for name in run.needs}

    def state(self, name: str) -> State:
        """Of the run ``name``."""
        return self._states[name]

    def is_needed(self, name: str) -> bool:
        """Whether another run starts from its output."""
        return name in self._needed

    def in_state(
        self, *states: State, among: Iterable[TrainingRun] | None = None
    ) -> list[TrainingRun]:
        """The runs in one of ``states``, in order: of all, or of those ``among`` which."""
        runs = self.runs.values() if among is None else among
        return [run for run in runs if self._states[run.name] in states]

    def has_inputs(self, run: TrainingRun) -> bool:
        """Whether the runs that ``run`` needs are done."""
        return all(self._states[name] is State.DONE for name in run.needs)

    def can_start(self, run: TrainingRun) -> bool:
        """Whether ``run`` waits, and those that it needs are done."""
        return self._states[run.name] is State.WAITING and self.has_inputs(run)

    def can_start_all(self, group: Collection[TrainingRun]) -> bool:
        """Whether some of ``group`` wait, and all of these can start."""
        waiting = self.in_state(State.WAITING, among=group)
        return bool(waiting) and all(self.has_inputs(run) for run in waiting)

    def set(self, name: str, state: State) -> None:
        """Set the state of a run; if it has no output, also of those that need it."""
        self._states[name] = state
        if state in (State.LEFT_OUT, State.FAILED):
            for run in self.runs.values():
                if name in run.needs and self._states[run.name] is State.WAITING:
                    self.set(run.name, state)
