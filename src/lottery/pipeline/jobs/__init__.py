"""One seed's work of each stage that has seeds: one module per stage, with the stage's name.

Each has one function ``run_seed(run, folder, seed, reporter)``: it writes the seed's part of the
stage's output into ``folder``, tells ``reporter`` how far it is, and returns the seed's rows of the
stage's tables, by table.

One that trains has two more: ``levels(run)``, the numbers of the levels that it trains, and
``train_seed(run, folder, seed, reporter)``, which does that part of the work only.

To add a stage with seeds: ``stages/<name>.py`` and a job of that name here; an entry of
``resume.TRAINING`` if it trains, and of ``code_digests.CHOSEN`` if it loads a plug-in; its folders
and its name in ``config/grid.py``; in ``dvc.yaml`` the stage, and its list of code among the outs
of the stage ``code``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lottery.config.grid import Run
    from lottery.experiment.failures import Failure
    from lottery.pipeline.reporter import Reporter

Rows = dict[str, list[dict[str, object]]]


def failed_rows(run: Run, seed: int, failure: Failure, reporter: Reporter) -> Rows:
    """The row of a seed whose training diverged, for the table ``failed``; it is in no other."""
    reporter.note(f"{run.name} seed {seed} is left out: {failure.reason}")
    return {"failed": [{"seed": seed, **asdict(failure)}]}
