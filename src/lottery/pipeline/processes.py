"""Processes that each run one call after the other, and report while they do.

They are forked from one that has imported torch and done no work: importing takes seconds of a
core. Torch is imported there, and not in the process that starts them.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import lottery
from lottery.errors import LotteryError
from lottery.pipeline.reporter import Note, Position, Reporter, Saved

VARIABLE = "LOTTERY_PROCESSES"


@dataclass(frozen=True)
class Call:
    """``function(*arguments, reporter)`` of a module, which the process imports by its name."""

    module: str
    function: str
    arguments: tuple[Any, ...]
    trained_by: str = ""
    """Who trains in it, for what is recorded beside checkpoints."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables to set before. The process has those that this one had when the first of its
    processes was started; what has changed since does not reach it."""


@dataclass(frozen=True)
class Result:
    """What a call that is done returned."""

    value: Any


Report = Position | Note | Saved | Result | BaseException
"""What a process says of its call. The last of them is a Result, or the error that ended it."""


class Processes:
    """Up to ``count`` processes, which import ``modules`` once for all of them.

    At the end of the ``with`` block those that are still at work are stopped.
    """

    def __init__(self, count: int, *modules: str) -> None:
        self._count, self._context = count, _context(modules)
        self._running: dict[Any, tuple[Any, str]] = {}
        self._idle: list[tuple[Any, Any]] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *error: object) -> None:
        for connection, _ in self._idle:
            _send(connection, None)
        for process, _ in self._running.values():
            process.terminate()
        for process in [entry[0] for entry in self._running.values()] + [p for _, p in self._idle]:
            process.join()
        self._running, self._idle = {}, []

    @property
    def free(self) -> int:
        """How many more calls can be started now."""
        return self._count - len(self._running)

    def start(self, name: str, call: Call) -> None:
        """Run ``call`` in a process that has nothing to do; its reports are those of ``name``."""
        if not self._idle:
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=_work, args=(theirs,))
            process.start()
            theirs.close()
            self._idle.append((ours, process))
        connection, process = self._idle.pop()
        self._running[connection] = process, name
        _send(connection, call)

    def reports(self) -> Iterator[tuple[str, Report]]:
        """What has come from the calls that run, with their names; waits for the first of it."""
        for connection in wait(list(self._running)) if self._running else ():
            process, name = self._running[connection]
            report = _receive(connection, process, name)
            if isinstance(report, BaseException):
                del self._running[connection]
                process.join()
            elif isinstance(report, Result):
                del self._running[connection]
                self._idle.append((connection, process))
            yield name, report


def _context(modules: tuple[str, ...]) -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # It does not inherit this process's sys.path, and silently skips what it cannot import.
    library = str(Path(lottery.__file__).resolve().parents[1])
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if library not in path:
        os.environ["PYTHONPATH"] = os.pathsep.join([library, *filter(None, path)])
    context.set_forkserver_preload(["lottery.pipeline.preload", *modules])
    return context


def _send(connection: Any, call: Call | None) -> None:
    # A process that was killed does not listen; _receive reports that.
    with contextlib.suppress(BrokenPipeError):
        connection.send(call)


def _receive(connection: Any, process: Any, name: str) -> Any:
    try:
        return connection.recv()
    except (EOFError, ConnectionResetError):
        process.join()
        return LotteryError(
            f"{name}: its process was killed (exit code {process.exitcode}); if memory ran "
            f"out, run fewer processes at a time: {VARIABLE}=1"
        )


def _work(connection: Connection) -> None:
    # Numba makes a system semaphore, which a stopped process would leave behind, where the method
    # has "fork" in its name. Nothing is started from here.
    multiprocessing.set_start_method("spawn", force=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from lottery.pipeline import preload  # noqa: F401  (already there where processes are forked)

    gc.freeze()
    gc.enable()

    try:
        while (call := connection.recv()) is not None:
            os.environ.update(call.environment)
            function = getattr(import_module(call.module), call.function)
            result = function(*call.arguments, Reporter(connection.send, call.trained_by))
            connection.send(Result(result))
    except KeyboardInterrupt:
        sys.exit(1)
    except LotteryError as error:  # one of a kind of its own may not survive the way
        connection.send(LotteryError(str(error)))
    except BaseException as error:
        error.add_note(traceback.format_exc())
        connection.send(error)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
