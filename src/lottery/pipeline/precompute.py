"""Training ahead of the stages: every run of the grid that the run store does not have.

Which runs there are, what identifies each and what is done is what the stages themselves say
(:mod:`lottery.pipeline.jobs`, :mod:`lottery.pipeline.resume`). Afterwards they only assemble.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lottery.pipeline import cli
from lottery.pipeline.assembly import Assembler, Survey
from lottery.pipeline.board import Board, State
from lottery.pipeline.executors import Executor
from lottery.pipeline.precompute_progress import PrecomputeProgress
from lottery.pipeline.processes import Report, Result
from lottery.pipeline.reporter import Note, Position, Saved
from lottery.pipeline.units import Unit
from lottery.progress import Display, about, track

if TYPE_CHECKING:
    from lottery.pipeline.training_runs import TrainingRun

BUSY_S = 0.5
"""How long to wait where another process works on all that can start."""


@dataclass
class Precompute:
    """The runs of ``board``, surveyed and assembled by ``assembler``, and trained in ``groups``,
    each of which is a unit."""

    board: Board
    assembler: Assembler
    groups: Sequence[tuple[TrainingRun, ...]]
    pending: dict[str, Survey] = field(default_factory=dict)
    """What the store has of the runs that are not done."""
    errors: dict[str, str] = field(default_factory=dict)
    """One line for each run that failed."""
    levels_trained: int = 0
    _units: dict[str, Unit] = field(default_factory=dict)
    """Those that were started, by name."""

    def survey(self) -> None:
        """Find what is pending; assemble what is done and needed."""
        runs = self.board.runs.values()
        for run in track(runs, "what is pending", "runs", len(runs)):
            if self.board.state(run.name) is not State.WAITING:
                continue
            survey = self.assembler.survey(run, self.board.can_start(run))
            if survey.nothing_to_train:
                self._finish(run)
            else:
                self.pending[run.name] = survey

    def seconds(self) -> dict[str, float]:
        """About how long one process takes for each pending run, from a few steps of each cell; in
        a group, its share of the group's time."""
        per_epoch: dict[tuple[str, int], float] = {}
        seconds = {}
        for group in self.groups:
            pending = [run for run in group if run.name in self.pending]
            size = group[0].run.cell, len(group)
            if pending and size not in per_epoch:
                per_epoch[size] = self.assembler.seconds_per_epoch(group)
            for run in pending:
                survey = self.pending[run.name]
                trainings = len(survey.levels) - len(survey.done)
                of_group = trainings * run.run.train_settings.epochs * per_epoch[size]
                seconds[run.name] = of_group / len(pending)  # those that are done train, too
        return seconds

    def train(self, executor: Executor, seconds: Mapping[str, float]) -> None:
        """Train what is pending. A run that fails does not stop the others."""
        progress = PrecomputeProgress(seconds, executor.slots)
        busy: set[str] = set()
        with Display(progress.status) as display:
            while self.board.in_state(State.WAITING, State.RUNNING):
                self._start(executor, progress, busy)
                if not self.board.in_state(State.RUNNING) and busy:
                    time.sleep(BUSY_S)
                for name, report in executor.reports():
                    self._heard(self._units[name], report, progress, display)
                for run in self.board.in_state(State.LEFT_OUT, State.FAILED):
                    progress.ended(run.name, self.board.state(run.name) is State.FAILED)

    def _start(self, executor: Executor, progress: PrecomputeProgress, busy: set[str]) -> None:
        """Start units while there is room. Those that another process works on come last.

        Where one of a group failed, or what it needs did, the others would be another group: they
        fail with it.
        """
        for group in self.groups:
            if self.board.in_state(State.FAILED, among=group):
                for run in self.board.in_state(State.WAITING, among=group):
                    self.board.set(run.name, State.FAILED)
        ready = [group for group in self.groups if self.board.can_start_all(group)]
        for group in sorted(ready, key=lambda group: group[0].name in busy):
            if not executor.free:
                return
            unit = self._unit(group, progress)
            pending = self.board.in_state(State.WAITING, among=unit.runs)
            if not pending:  # another process was faster
                continue
            if any(survey.is_busy for survey in unit.surveys) and group[0].name not in busy:
                busy.add(group[0].name)
            elif executor.start(unit):
                self._units[unit.name] = unit
                for run in pending:
                    self.board.set(run.name, State.RUNNING)
                    progress.began(run.name)

    def _unit(self, group: Sequence[TrainingRun], progress: PrecomputeProgress) -> Unit:
        """All of a group whose inputs are there, also what the store has: which networks train
        together must not depend on that."""
        runs = tuple(run for run in group if self.board.has_inputs(run))
        surveys = tuple(self.assembler.survey(run, has_inputs=True) for run in runs)
        for run, survey in zip(runs, surveys, strict=True):
            if survey.nothing_to_train and self.board.state(run.name) is State.WAITING:
                self._finish(run)
                progress.ended(run.name)
        more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
        return Unit(f"{runs[0].name}{more}", runs, surveys)

    def _heard(
        self, unit: Unit, report: Report, progress: PrecomputeProgress, display: Display
    ) -> None:
        """A unit has reported something."""
        running = self.board.in_state(State.RUNNING, among=unit.runs)
        if isinstance(report, Position):
            if report.run in {run.name for run in running}:
                progress.moved(report.run, report)
        elif isinstance(report, Note):
            display.line(report.text)
        elif isinstance(report, Saved):
            self.levels_trained += report.path.name.startswith("level-")
        elif isinstance(report, Result):
            for run in running:
                self._finish(run)
                progress.ended(run.name)
        else:
            error = cli.line_of(report) or type(report).__name__
            display.line(f"{unit.name}: failed: {error}")
            for run in running:
                self.errors[run.name] = error
                self.board.set(run.name, State.FAILED)

    def _finish(self, run: TrainingRun) -> None:
        """The store has all of ``run``: write its output if others need it."""
        reason = self.assembler.assemble(run) if self.board.is_needed(run.name) else None
        self.board.set(run.name, State.LEFT_OUT if reason else State.DONE)

    def lines(self, seconds: Mapping[str, float], slots: int) -> Iterator[str]:
        """What is pending, and about how long it takes in ``slots`` processes."""
        yield f"precompute: {len(self.pending)} of {len(self.board.runs)} training runs are pending"
        groups: dict[str, list[str]] = {}
        for name in self.pending:
            run = self.board.runs[name]
            groups.setdefault(f"{run.stage} {run.run.name}", []).append(name)
        for group, names in groups.items():
            seeds = ", ".join(str(self.board.runs[name].seed) for name in names)
            surveys = [self.pending[name] for name in names]
            levels = sum(len(survey.levels) - len(survey.done) for survey in surveys)
            time = about(sum(seconds[name] for name in names))
            yield f"  {group}: {levels} trainings (seeds {seeds}), {time} of one process"
        if self.pending:
            total = sum(seconds.values()) / slots
            largest = max(len(group) for group in self.groups)
            together = f", up to {largest} networks in lockstep" if largest > 1 else ""
            yield f"about {about(total)} on {slots} process{'es' if slots > 1 else ''}{together}"
