"""Jobs of several seeds or arms of a cell whose trainings are one group.

Each does what it does alone, and resumes from the same checkpoints.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from lottery.experiment.lockstep import group
from lottery.experiment.lockstep.group import Participant, Task
from lottery.experiment.lockstep.replicate import Replicate
from lottery.pipeline import resume
from lottery.pipeline.reporter import Reporter
from lottery.training.checkpointing import Checkpointer

Result = TypeVar("Result")
Job = tuple[Callable[[Reporter], Result], Reporter]
"""A job's work, and the reporter that it is to be called with."""


def together(jobs: Sequence[Job[Result]], folder: Path) -> list[Result]:
    """What each of ``jobs`` returns. All of a group train the same stage of one cell.

    ``folder`` has the epochs of the group that is being trained: the same for the same jobs, and
    for no others. It is removed at the end. If a job raises an error, the others are stopped, and
    it is raised here.
    """

    def task(work: Callable[[Reporter], Result], reporter: Reporter) -> Task[Result]:
        def run(participant: Participant) -> Result:
            reporter.replicate = partial(Replicate, participant=participant)
            reporter.networks = len(jobs)
            return work(reporter)

        return run

    tasks = [task(work, reporter) for work, reporter in jobs]
    results = group.run(tasks, Checkpointer(folder, resume.checkpoint_seconds()))
    shutil.rmtree(folder)
    return results
