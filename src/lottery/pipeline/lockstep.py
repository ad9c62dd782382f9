"""Jobs of several seeds or arms of a cell whose trainings are one group.

Each does what it does alone, and resumes from the same checkpoints.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import torch

from lottery.experiment.lockstep import group
from lottery.experiment.lockstep.group import Participant, Task
from lottery.experiment.lockstep.replicate import Replicate
from lottery.pipeline import grouping, resume, run_store
from lottery.pipeline.reporter import Reporter
from lottery.pipeline.run_store import Entry
from lottery.storage import locks
from lottery.training.checkpointing import Checkpointer

Result = TypeVar("Result")
Job = tuple[Callable[[Reporter], Result], Reporter]
"""A job's work, and the reporter that it is to be called with."""


def together(jobs: Sequence[Job[Result]], entries: Sequence[Entry]) -> list[Result]:
    """What each of ``jobs`` returns. All of a group train the same stage of one cell.

    ``entries`` is where their checkpoints are; beside the first's, a folder of the group has the
    epochs that are being trained, until the end. Waits while another process uses any of them. If a
    job raises an error, the others are stopped, and it is raised here.
    """

    def task(work: Callable[[Reporter], Result], reporter: Reporter) -> Task[Result]:
        def run(participant: Participant) -> Result:
            reporter.replicate = partial(Replicate, participant=participant)
            reporter.networks = len(jobs)
            return work(reporter)

        return run

    tasks = [task(work, reporter) for work, reporter in jobs]
    # The group trains in this thread, and the others inherit the setting.
    torch.set_flush_denormal(True)
    folder = grouping.folder(entries)
    # Not in `folder`, which is removed: another process may wait for it.
    with locks.held(folder.with_name(f"lock-{folder.name}"), f"a group of {len(jobs)} networks"):
        for entry in entries:  # here, because a task that waits for one cannot be interrupted
            with locks.held(entry.folder / run_store.LOCK, entry.folder.parent.parent.name):
                pass
        results = group.run(tasks, Checkpointer(folder, resume.checkpoint_seconds()))
        shutil.rmtree(folder)
    return results
