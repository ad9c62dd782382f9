"""Train all that the run store lacks, ahead of the stages, which then only assemble.

'make precompute' tokenizes first: what a network trains on must be there.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from lottery.config import grid, params
from lottery.config.schema import Params
from lottery.errors import LotteryError
from lottery.pipeline import assembly, cli, training_runs, workers
from lottery.pipeline.assembly import Assembler
from lottery.pipeline.board import Board
from lottery.pipeline.executors import Executor
from lottery.pipeline.executors.local import LocalExecutor
from lottery.pipeline.precompute import Precompute
from lottery.storage import paths


def run(settings: Params, on: str, estimate_only: bool) -> None:
    """Say what is pending and how long it takes; train it unless ``estimate_only``.

    Raises LotteryError if a run failed.
    """
    for corpus in settings.corpora:
        if not paths.tokens(corpus).is_dir():
            raise LotteryError(f"{paths.tokens(corpus)}: not found; run 'dvc repro tokenize' first")
    # Its processes work in another folder.
    os.environ["LOTTERY_CHECKPOINTS"] = str(paths.checkpoints().resolve())
    with assembly.tree() as tree, EXECUTORS[on](tree, settings, not estimate_only) as executor:
        board = Board(training_runs.of_grid(settings))
        with Assembler(tree, executor.trained_by) as assembler:
            work = Precompute(board, assembler)
            work.survey()
            seconds = work.seconds()
            slots = min(executor.slots, max(1, len(work.pending)))
            print("\n".join(work.lines(seconds, slots)), flush=True)
            if estimate_only or not work.pending:
                return
            work.train(executor, seconds)
    print(f"precompute: {work.levels_trained} trainings; 'dvc repro' assembles the results")
    if work.errors:
        name, error = next(iter(work.errors.items()))
        raise LotteryError(
            f"{len(work.errors)} of the runs failed, the first of them {name}: {error}"
        )


@contextmanager
def _local(tree: Path, settings: Params, trains: bool) -> Iterator[Executor]:
    """Processes on this machine."""
    runs = len(training_runs.of_grid(settings))
    with LocalExecutor(tree, workers.processes(settings.threads, runs)) as executor:
        yield executor


@contextmanager
def _ray(tree: Path, settings: Params, trains: bool) -> Iterator[Executor]:
    """A Ray cluster."""
    if find_spec("ray") is None:
        raise LotteryError("Ray is not installed; install it with: make ray")
    from lottery.pipeline.executors.ray import RayExecutor

    with RayExecutor(tree, settings, lambda text: print(text, file=sys.stderr)) as executor:
        if trains:
            executor.claim([cell.name for cell in grid.cells(settings)])
        yield executor


EXECUTORS = {"local": _local, "ray": _ray}


def main() -> None:
    """Precompute the grid of params.yaml."""
    parser = cli.Parser("python -m tools.precompute", description=__doc__)
    parser.add_argument(
        "--estimate", action="store_true", help="say what is pending and how long it takes"
    )
    parser.add_argument(
        "--on", choices=list(EXECUTORS), default="local", help="what trains (default: local)"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    arguments = parser.parse_args()
    with cli.errors_in_one_line(arguments.debug):
        settings = params.load(paths.PARAMS)
        cli.prepare_process(settings)
        run(settings, arguments.on, arguments.estimate)


if __name__ == "__main__":
    main()
