"""Seeds side by side, in processes that each take one seed after the other.

Two processes of one thread train more than one process of two threads, and several small networks
share a GPU that one of them leaves idle. The results do not depend on how many run at a time.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lottery.errors import LotteryError
from lottery.pipeline import jobs
from lottery.pipeline.processes import VARIABLE, Call, Processes, Result
from lottery.pipeline.reporter import Reporter
from lottery.pipeline.seed_progress import Console, SeedsProgress
from lottery.progress import Display

if TYPE_CHECKING:
    from lottery.config.grid import Run


def each_seed(stage: str, run: Run, folder: Path, package: str = jobs.__name__) -> list[Any]:
    """What ``run_seed(run, folder, seed, reporter)`` of the job ``stage`` returns for each seed, in
    order.

    As many run at a time as :func:`processes` says; a single one runs in this process. If one
    fails, the others are stopped and its error is raised. Raises LotteryError if a process was
    killed. ``package`` contains the job's module. What the seeds report is displayed on stderr.
    """
    job, seeds = f"{package}.{stage}", run.params.seeds
    count = processes(run.params.threads, len(seeds))
    name = " ".join(filter(None, [stage, run.cell, run.arm]))
    progress = SeedsProgress(name, len(seeds), count)
    with Display(progress.status, progress.long_epoch) as display:
        console = Console(progress, display)
        if count > 1:
            return _side_by_side(job, run, folder, count, console)
        results = []
        for seed in seeds:
            progress.began(seed)
            reporter = Reporter(partial(console.heard, seed))
            results.append(import_module(job).run_seed(run, folder, seed, reporter))
            console.finished(seed)
        return results


def _side_by_side(job: str, run: Run, folder: Path, count: int, console: Console) -> list[Any]:
    """The results of all seeds, from ``count`` processes."""
    seeds = {f"seed {seed}": seed for seed in run.params.seeds}
    waiting, results = list(seeds), dict[int, Any]()
    with Processes(count, job) as pool:
        while len(results) < len(seeds):
            while waiting and pool.free:
                name = waiting.pop(0)
                console.progress.began(seeds[name])
                pool.start(name, Call(job, "run_seed", (run, folder, seeds[name])))
            for name, report in pool.reports():
                if isinstance(report, BaseException):
                    raise report
                if isinstance(report, Result):
                    results[seeds[name]] = report.value
                    console.finished(seeds[name])
                else:
                    console.heard(seeds[name], report)
    return [results[seed] for seed in seeds.values()]


def processes(threads: int, seeds: int) -> int:
    """How many processes of ``threads`` threads share the ``seeds``.

    As many as the machine has cores for, or as ``LOTTERY_PROCESSES`` says. Processes of one thread
    can share a core, so fewer than twice as many seeds as cores all run at once: three on two cores
    then take the time of one and a half, not of two.
    Raises LotteryError if the variable is not a positive integer.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        most = max(1, cores // threads)
        return seeds if threads == 1 and most > 1 and seeds < 2 * most else min(most, seeds)
    if not text.isdecimal() or int(text) < 1:
        raise LotteryError(f"{VARIABLE}: expected a positive integer, got {text!r}")
    return min(int(text), seeds)
