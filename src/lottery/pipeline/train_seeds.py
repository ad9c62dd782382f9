"""The seeds of a stage that trains: in lockstep where that is faster, else each by itself."""

from __future__ import annotations

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


def each_seed(stage: str, run: Run, folder: Path) -> list[Any]:
    """What ``run_seed(run, folder, seed, reporter)`` of the job ``stage`` returns for each seed, in
    order. What the seeds report is displayed on stderr.

    In lockstep all work is done in this process; else it is :func:`lottery.pipeline.workers
    .each_seed`.
    """
    if not (grouping.is_used(run.params.device) and grouping.supports(run)):
        return workers.each_seed(stage, run, folder)
    from lottery.pipeline import lockstep, resume

    members = [TrainingRun(stage, run, seed) for seed in run.params.seeds]
    groups = grouping.groups(members)
    largest = max(len(group) for group in groups)
    progress = SeedsProgress(" ".join([stage, run.name]), len(members), largest)
    run_seed, results = import_module(f"{jobs.__name__}.{stage}").run_seed, []
    with Display(progress.status, progress.long_epoch) as display:
        console = Console(progress, display)
        for group in groups:
            work = []
            for member in group:
                progress.began(member.seed)
                reporter = Reporter(partial(console.heard, member.seed))
                work.append((partial(run_seed, run, folder, member.seed), reporter))
            stored = [resume.entry(stage, member.stored_as, member.seed) for member in group]
            results += lockstep.together(work, grouping.folder(stored))
            for member in group:
                console.finished(member.seed)
    return results
