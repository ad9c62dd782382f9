"""Seeds side by side: each in a process of its own, as many at a time as there are cores for.

Two processes of one thread train more than one process of two threads, and several small networks
share a GPU that one of them leaves idle. The results do not depend on how many run at a time.
"""

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


def each(run: Callable[..., Any], params: Params, *arguments: Any) -> list[Any]:
    """``run(params, *arguments, seed)`` for each of ``params.seeds``; the results in their order.

    At most :func:`processes` at a time; a single one runs in this process. If one fails the others
    are stopped and its error is raised; LotteryError for one whose process was killed.
    """
    most = processes(params.threads)
    if most == 1 or len(params.seeds) == 1:
        return [run(params, *arguments, seed) for seed in params.seeds]
    waiting, found = list(params.seeds), {}
    running: dict[Any, tuple[Any, int]] = {}
    line: Any
    # Forked, two processes take ten times as long as one: OpenMP threads spin for a lost team.
    context = multiprocessing.get_context("spawn")
    try:
        while waiting or running:
            while waiting and len(running) < most:
                line, theirs = context.Pipe()
                seed = waiting.pop(0)
                process = context.Process(
                    target=_child, args=(theirs, run, params, *arguments, seed)
                )
                process.start()
                theirs.close()
                running[line] = process, seed
            for line in wait(list(running)):
                found[running[line][1]] = _answer(line, *running[line])
                running.pop(line)[0].join()
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            process.join()
        if running:
            print(file=sys.stderr)  # below the progress bar of one that was stopped
    return [found[seed] for seed in params.seeds]


def processes(threads: int) -> int:
    """How many processes of ``threads`` threads the machine has cores for, or what
    ``LOTTERY_PROCESSES`` says. Raises LotteryError if that is no number from 1 on."""
    own = os.environ.get(VARIABLE)
    if own is None:
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        return max(1, cores // threads)
    if not own.isdecimal() or int(own) < 1:
        raise LotteryError(f"{VARIABLE}: {own!r} is no number of processes; give 1 or more")
    return int(own)


def _answer(line: Any, process: Any, seed: int) -> Any:
    try:
        answer = line.recv()
    except EOFError:
        process.join()
        raise LotteryError(
            f"seed {seed}: its process was stopped (exit code {process.exitcode}); if memory ran "
            f"out, fewer at a time need less: {VARIABLE}=1"
        ) from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _child(line: Connection, run: Callable[..., Any], *arguments: Any) -> None:
    # tqdm's own lock is a semaphore of the system's, which a stopped process would leave behind.
    tqdm.set_lock(threading.RLock())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        line.send(run(*arguments))
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
