"""What every stage's command line shares: arguments, and errors in one line."""

import argparse
import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from lottery import params, paths, strict
from lottery.errors import LotteryError
from lottery.params import Params
from lottery.registry import suggestion
from stages import _locks, _times

LOCKS = Path(".progress/stages")
"""Of the tree that is worked in: an experiment in a temporary one has its own outputs."""


class Parser(argparse.ArgumentParser):
    """As argparse's, with an error in one line whatever was typed."""

    def error(self, message: str) -> NoReturn:
        super().error(strict.clipped(strict.one_line(message), 300))


def main(name: str, description: str | None, run: Callable[..., None], *arguments: str) -> None:
    """Parse ``arguments`` (``corpus``, ``model``, ``strategy``, ``control``), read the params, run.

    Exits with 1 and one line for a LotteryError or a full disk; ``--debug`` adds the traceback.
    """
    parser = Parser(f"python -m stages.{name}", description=description)
    for argument in arguments:
        parser.add_argument(argument, help=f"one of those in {paths.PARAMS}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    given = parser.parse_args()
    # As Ctrl-C: temporary files are removed on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        settings = params.load(paths.PARAMS)
        # Numba reads it when it is imported. By default it keeps a thread for each core, and one
        # without work spins on a core that another process could have.
        os.environ["NUMBA_NUM_THREADS"] = str(settings.threads)
        values = [getattr(given, argument) for argument in arguments]
        for argument, value in zip(arguments, values, strict=True):
            _check(settings, argument, value)
        # A stage outlives a DVC that was killed: the next one must not write beside it.
        stage = "-".join([name, *values])
        lock = LOCKS / f"{stage}.lock"
        with _locks.held(lock, " ".join([f"stage {name}", *values])), _times.noted(stage):
            run(settings, *values)
    except (LotteryError, OSError, MemoryError) as error:
        if given.debug:
            traceback.print_exc()
        sys.exit(f"error: {_line(error)}")
    except RuntimeError as error:
        if given.debug or not _is_out_of_memory(error):
            raise
        sys.exit(f"error: {_line(MemoryError())}")
    except KeyboardInterrupt:
        sys.exit("interrupted; what is done is kept: run the same command to go on")


def _check(settings: Params, argument: str, value: str) -> None:
    known = {
        "corpus": settings.corpora,
        "model": settings.models,
        "strategy": settings.strategies,
        "control": settings.controls,
    }[argument]
    if value not in known:
        hint = suggestion(value, list(known))
        raise LotteryError(f"unknown {argument} {strict.shown(value)} in {paths.PARAMS}{hint}")


def _is_out_of_memory(error: RuntimeError) -> bool:
    """torch has an error of its own for a GPU, and none for the CPU."""
    text = str(error)
    return "out of memory" in text or "can't allocate memory" in text or "alloc_cpu" in text


def _line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{error.filename or 'output'}: {error.strerror}; make room and run again"
    if isinstance(error, MemoryError):
        return "out of memory; a smaller train.<cell>.batch or tokens.max_tokens needs less"
    return strict.one_line(str(error))
