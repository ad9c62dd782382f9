"""Seeds side by side, in processes that each take one seed after the other.

Two processes of one thread train more than one process of two threads, and several small networks
share a GPU that one of them leaves idle. The results do not depend on how many run at a time. Torch
is imported once per process, in those that train and not in the one that starts them.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import sys
import threading
import traceback
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lottery
from lottery.errors import LotteryError
from lottery.pipeline import jobs
from lottery.pipeline.reporter import Note, Position, Reporter
from lottery.pipeline.seed_progress import Console, SeedsProgress
from lottery.progress import Display

if TYPE_CHECKING:
    from lottery.config.grid import Run

VARIABLE = "LOTTERY_PROCESSES"


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
    seeds = run.params.seeds
    waiting, results = list(seeds), {}
    running: dict[Any, tuple[Any, int]] = {}
    context = _context(job)
    try:
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, job, run, folder))
            process.start()
            theirs.close()
            running[ours] = process, waiting.pop(0)
            console.progress.began(running[ours][1])
            _send(ours, running[ours][1])
        while running:
            for connection in wait(list(running)):
                process, seed = running[connection]
                answer = _receive(connection, process, seed)
                if isinstance(answer, Position | Note):
                    console.heard(seed, answer)
                    continue
                results[seed] = answer.value
                console.finished(seed)
                following = waiting.pop(0) if waiting else None
                _send(connection, following)
                if following is None:
                    running.pop(connection)[0].join()
                else:
                    running[connection] = process, following
                    console.progress.began(following)
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            process.join()
    return [results[seed] for seed in seeds]


@dataclass(frozen=True)
class _Result:
    """What a process returns for a seed that is done."""

    value: Any


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


def _context(job: str) -> Any:
    """Processes that are forked from one that has imported what the job needs and done no work.

    Importing takes seconds of a core, so it is done once for all seeds.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # It does not inherit this process's sys.path, and silently skips what it cannot import.
    library = str(Path(lottery.__file__).parents[1])
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if library not in path:
        os.environ["PYTHONPATH"] = os.pathsep.join([library, *filter(None, path)])
    context.set_forkserver_preload(["lottery.pipeline.preload", job])
    return context


def _send(connection: Any, seed: int | None) -> None:
    # A process that was killed does not listen; _receive reports that.
    with contextlib.suppress(BrokenPipeError):
        connection.send(seed)


def _receive(connection: Any, process: Any, seed: int) -> Any:
    try:
        answer = connection.recv()
    except (EOFError, ConnectionResetError):
        process.join()
        raise LotteryError(
            f"seed {seed}: its process was killed (exit code {process.exitcode}); if memory ran "
            f"out, run fewer processes at a time: {VARIABLE}=1"
        ) from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _work(connection: Connection, job: str, run: Run, folder: Path) -> None:
    # Numba makes a system semaphore, which a stopped process would leave behind, where the method
    # has "fork" in its name. Nothing is started from here.
    multiprocessing.set_start_method("spawn", force=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from lottery.pipeline import preload  # noqa: F401  (already there where processes are forked)

    gc.freeze()
    gc.enable()

    try:
        run_seed = import_module(job).run_seed
        while (seed := connection.recv()) is not None:
            result = run_seed(run, folder, seed, Reporter(connection.send))
            connection.send(_Result(result))
    except KeyboardInterrupt:
        sys.exit(1)
    except BaseException as error:
        error.add_note(traceback.format_exc())
        connection.send(error)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
