"""The seeds of a stage that trains: in lockstep where that is faster, else each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lottery.pipeline import grouping, jobs, workers
from lottery.pipeline.reporter import Reporter
from lottery.pipeline.seed_progress import Console, SeedsProgress
from lottery.pipeline.training_runs import TrainingRun
from lottery.progress import Display

if TYPE_CHECKING:
    from lottery.config.grid import Run
    from lottery.pipeline.run_store import Entry


def each_seed(stage: str, run: Run, folder: Path) -> list[Any]:
    """What ``run_seed(run, folder, seed, reporter)`` of the job ``stage`` returns for each seed, in
    order. What the seeds report is displayed on stderr.

    In lockstep all work is done in this process; else it is :func:`lottery.pipeline.workers
    .each_seed`.
    """
    if not (grouping.is_used(run.params.device) and grouping.supports(run)):
        return workers.each_seed(stage, run, folder)
    from lottery.pipeline import lockstep

    members = [TrainingRun(stage, run, seed) for seed in run.params.seeds]
    groups = grouping.groups(members)
    largest = max(len(group) for group in groups)
    progress = SeedsProgress(" ".join([stage, run.name]), len(members), largest)
    run_seed, results = import_module(f"{jobs.__name__}.{stage}").run_seed, []
    with Display(progress.status, progress.long_epoch) as display:
        console = Console(progress, display)
        for group in groups:
            work: list[lockstep.Job[Any]] = []
            for member in group:
                progress.began(member.seed)
                reporter = Reporter(partial(console.heard, member.seed))
                work.append((partial(run_seed, run, folder, member.seed), reporter))
            entries = _entries(group)
            if len(entries) > 1:
                results += lockstep.together(work, entries)
            else:  # one by itself, and what has nothing to train
                results += [one(reporter) for one, reporter in work]
            for member in group:
                console.finished(member.seed)
    return results


def _entries(group: Sequence[TrainingRun]) -> list[Entry]:
    """Where those of ``group`` are stored that have something to train: what a run starts from is
    missing where it diverged."""
    from lottery.pipeline import resume

    entries = []
    for member in group:
        with suppress(FileNotFoundError):
            entries.append(resume.entry(member.stage, member.stored_as, member.seed))
    return entries
