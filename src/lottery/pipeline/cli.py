"""What every stage's command line shares: arguments, the stage's lock, and errors in one line."""

import argparse
import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import NoReturn

from lottery.config import params
from lottery.config.plugins import suggestion
from lottery.config.schema import Params
from lottery.errors import LotteryError, brief, clipped, one_line
from lottery.pipeline import numba_cache, stage_order
from lottery.storage import locks, paths, timings

_HELP = {
    "source": f"the corpus of the ticket, one of 'corpora' in {paths.PARAMS}",
    "corpus": f"one of 'corpora' in {paths.PARAMS}",
    "model": f"one of 'models' in {paths.PARAMS}",
    "strategy": f"one of 'strategies' in {paths.PARAMS}",
    "control": f"one of 'controls' in {paths.PARAMS}",
    "arm": f"one of 'transfer.arms' in {paths.PARAMS}",
}


class Parser(argparse.ArgumentParser):
    """argparse's parser, whose errors are one short line whatever was typed."""

    def error(self, message: str) -> NoReturn:
        super().error(clipped(one_line(message), 300))


def main(name: str, description: str | None, run: Callable[..., None], *arguments: str) -> None:
    """Call ``run(params, *values)`` with the checked params and the command line's ``arguments``.

    Each of ``arguments`` is a key of :func:`_choices`. Only one process at a time runs the same
    stage. Exits with 1 and one line for a LotteryError, a full disk or too
    little memory; ``--debug`` adds the traceback.
    """
    parser = Parser(f"python -m stages.{name}", description=description)
    for argument in arguments:
        parser.add_argument(argument, help=_HELP[argument])
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    namespace = parser.parse_args()
    with errors_in_one_line(namespace.debug):
        settings = params.load(paths.PARAMS)
        prepare_process(settings)
        values = [getattr(namespace, argument) for argument in arguments]
        for argument, value in zip(arguments, values, strict=True):
            _check(settings, argument, value)
        # DVC says which stage it runs. Whoever runs one by hand wants to know of no other.
        if where := stage_order.position(settings, os.environ.get("DVC_STAGE", "")):
            print(f"{where}: {' '.join([name, *values])}", file=sys.stderr, flush=True)
        # A stage goes on when its DVC is killed: another process must not write beside it.
        stage = "-".join([name, *values])
        lock = paths.LOCKS / f"{stage}.lock"
        with locks.held(lock, " ".join([f"stage {name}", *values])), timings.measured(stage):
            run(settings, *values)


def prepare_process(settings: Params) -> None:
    """Set what this process and those that it starts read when they import Numba."""
    # By default it keeps a thread for each core, and an idle thread spins on a core that another
    # process could use.
    os.environ["NUMBA_NUM_THREADS"] = str(settings.threads)
    numba_cache.ensure()


@contextmanager
def errors_in_one_line(debug: bool = False) -> Iterator[None]:
    """Exit with 1 and one line if the block raises what a user can cause, or is interrupted; with
    ``debug``, after the traceback."""
    # Handled like Ctrl-C, so that temporary files are removed on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except (LotteryError, OSError, MemoryError) as error:
        if debug:
            traceback.print_exc()
        sys.exit(f"error: {line_of(error)}")
    except RuntimeError as error:
        if debug or not _is_out_of_memory(error):
            raise
        sys.exit(f"error: {line_of(MemoryError())}")
    except KeyboardInterrupt:
        sys.exit("interrupted; finished work is saved: run the same command to resume")


def _choices(settings: Params) -> dict[str, Collection[str]]:
    """What each argument of a command may be."""
    return {
        "source": settings.corpora,
        "corpus": settings.corpora,
        "model": settings.models,
        "strategy": settings.strategies,
        "control": settings.controls,
        "arm": settings.transfer.arms,
    }


def _check(settings: Params, argument: str, value: str) -> None:
    """Raise LotteryError unless ``value`` is one of those in params.yaml."""
    choices = _choices(settings)[argument]
    if value not in choices:
        hint = suggestion(value, list(choices))
        raise LotteryError(f"{argument} {brief(value)} is not in {paths.PARAMS}{hint}")


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch ran out of memory. It has no exception of its own for that on a CPU."""
    text = str(error)
    return "out of memory" in text or "can't allocate memory" in text or "alloc_cpu" in text


def line_of(error: BaseException) -> str:
    """What the user is told, in one line."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{error.filename or 'output'}: {error.strerror}; make room and run again"
    if isinstance(error, MemoryError):
        return "out of memory; a smaller train.<cell>.batch or tokens.max_tokens needs less"
    return one_line(str(error))
