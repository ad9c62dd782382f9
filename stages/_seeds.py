"""Seeds side by side, in processes that take one after the other.

Two processes of one thread train more than one process of two threads, and several small networks
share a GPU that one of them leaves idle. The results do not depend on how many run at a time. A
stage imports torch where a seed is worked on, not where it is started: once a process.
"""

import contextlib
import gc
import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any

from tqdm import tqdm

from lottery.errors import LotteryError
from lottery.params import Params

VARIABLE = "LOTTERY_PROCESSES"


def each(run: Callable[..., Any], params: Params, *arguments: Any, needs: str = "") -> list[Any]:
    """``run(params, *arguments, seed)`` for each of ``params.seeds``; the results in their order.

    As many at a time as :func:`processes` says; a single one runs in this process. ``needs`` is the
    module that ``run`` imports, which takes seconds: it is loaded once for all. If one fails the
    others are stopped and its error is raised; LotteryError for one whose process was killed.
    """
    most = processes(params.threads, len(params.seeds))
    if most == 1:
        return [run(params, *arguments, seed) for seed in params.seeds]
    waiting, found = list(params.seeds), {}
    running: dict[Any, tuple[Any, int]] = {}
    context = _context(needs)
    try:
        for _ in range(most):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, run, params, *arguments))
            process.start()
            theirs.close()
            running[ours] = process, waiting.pop(0)
            _tell(ours, running[ours][1])
        while running:
            for line in wait(list(running)):
                process, seed = running[line]
                found[seed] = _answer(line, process, seed)
                following = waiting.pop(0) if waiting else None
                _tell(line, following)
                if following is None:
                    running.pop(line)[0].join()
                else:
                    running[line] = process, following
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            process.join()
        if running:
            print(file=sys.stderr)  # below the progress bar of one that was stopped
    return [found[seed] for seed in params.seeds]


def processes(threads: int, seeds: int) -> int:
    """How many processes of ``threads`` threads share the ``seeds``.

    As many as the machine has cores for, or as ``LOTTERY_PROCESSES`` says. A process of one thread
    can share a core: fewer than twice as many seeds as cores all run at once, where three on two
    cores take the time of one and a half and not of two.
    Raises LotteryError if the variable is no number from 1 on.
    """
    own = os.environ.get(VARIABLE)
    if own is None:
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        most = max(1, cores // threads)
        return seeds if threads == 1 and most > 1 and seeds < 2 * most else min(most, seeds)
    if not own.isdecimal() or int(own) < 1:
        raise LotteryError(f"{VARIABLE}: {own!r} is no number of processes; give 1 or more")
    return min(int(own), seeds)


def _context(needs: str) -> Any:
    """Processes that are forked from one that has imported what they need and done no work.

    Importing takes seconds of a core, so it is done once for all seeds.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["stages._ready", *needs.split()])
    return context


def _tell(line: Any, seed: int | None) -> None:
    # A process that was killed does not listen; reading its answer says so.
    with contextlib.suppress(BrokenPipeError):
        line.send(seed)


def _answer(line: Any, process: Any, seed: int) -> Any:
    try:
        answer = line.recv()
    except (EOFError, ConnectionResetError):
        process.join()
        raise LotteryError(
            f"seed {seed}: its process was stopped (exit code {process.exitcode}); if memory ran "
            f"out, fewer at a time need less: {VARIABLE}=1"
        ) from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _work(line: Connection, run: Callable[..., Any], *arguments: Any) -> None:
    # tqdm's own lock is a semaphore of the system's, which a stopped process would leave behind.
    tqdm.set_lock(threading.RLock())
    # Numba makes one too where the method has "fork" in its name. Nothing is started from here.
    multiprocessing.set_start_method("spawn", force=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from stages import _ready  # noqa: F401  (already there where processes are forked)

    gc.freeze()
    gc.enable()

    try:
        while (seed := line.recv()) is not None:
            line.send(run(*arguments, seed))
    except KeyboardInterrupt:
        sys.exit(1)
    except BaseException as error:
        error.add_note(traceback.format_exc())
        line.send(error)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
