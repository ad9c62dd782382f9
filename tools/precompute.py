"""Train all that the run store lacks, ahead of the stages, which then only assemble.

'make precompute' tokenizes first: what a network trains on must be there.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from lottery.config import params
from lottery.config.schema import Params
from lottery.errors import LotteryError
from lottery.pipeline import assembly, cli, grouping, training_runs, workers
from lottery.pipeline.assembly import Assembler
from lottery.pipeline.board import Board
from lottery.pipeline.executors import Executor
from lottery.pipeline.executors.local import LocalExecutor
from lottery.pipeline.precompute import Precompute
from lottery.pipeline.processes import VARIABLE
from lottery.pipeline.training_runs import TrainingRun
from lottery.storage import paths
from tools import dvc_stages


def run(
    settings: Params, runs: Sequence[TrainingRun], on: str = "local", estimate_only: bool = False
) -> None:
    """Say what of ``runs`` is pending and how long it takes; train it unless ``estimate_only``.

    Raises LotteryError if a run failed.
    """
    used = [name for run in runs for name in (run.run.corpus, run.run.source) if name]
    for corpus in dict.fromkeys(used):
        if not paths.tokens(corpus).is_dir():
            raise LotteryError(f"{paths.tokens(corpus)}: not found; run 'dvc repro tokenize' first")
    # Its processes work in another folder.
    os.environ["LOTTERY_CHECKPOINTS"] = str(paths.checkpoints().resolve())
    cells = [] if estimate_only else list(dict.fromkeys(run.run.cell for run in runs))
    with assembly.tree() as tree, EXECUTORS[on](tree, settings, cells) as executor:
        board = Board(runs)
        with Assembler(tree, executor.trained_by) as assembler:
            groups = grouping.groups(runs) if executor.in_groups else [(run,) for run in runs]
            work = Precompute(board, assembler, groups)
            work.survey()
            seconds = work.seconds()
            units = sum(any(run.name in work.pending for run in group) for group in groups)
            slots = min(executor.slots, max(1, units))
            print("\n".join(work.lines(seconds, slots)), flush=True)
            if estimate_only or not work.pending:
                return
            work.train(executor, seconds)
    print(f"precompute: {work.levels_trained} trainings; the stages assemble the results")
    if work.errors:
        name, error = next(iter(work.errors.items()))
        raise LotteryError(
            f"{len(work.errors)} of the runs failed, the first of them {name}: {error}"
        )


@contextmanager
def _local(tree: Path, settings: Params, cells: Sequence[str]) -> Iterator[Executor]:
    """Processes on this machine; one alone where it trains groups, which fill a card."""
    in_groups = grouping.is_used(settings.device)
    runs = len(training_runs.of_grid(settings))
    alone = in_groups and VARIABLE not in os.environ
    slots = 1 if alone else workers.processes(settings.threads, runs)
    with LocalExecutor(tree, slots, in_groups=in_groups) as executor:
        yield executor


@contextmanager
def _ray(tree: Path, settings: Params, cells: Sequence[str]) -> Iterator[Executor]:
    """A Ray cluster, which is recorded as what trains ``cells``."""
    if find_spec("ray") is None:
        raise LotteryError("Ray is not installed; install it with: make ray")
    from lottery.pipeline.executors.ray import RayExecutor

    with RayExecutor(tree, settings, lambda text: print(text, file=sys.stderr)) as executor:
        executor.claim(cells)
        yield executor


def _chosen(
    runs: list[TrainingRun], names: Sequence[str], cells: Sequence[str]
) -> list[TrainingRun]:
    """Those of ``runs`` that the stages with ``names`` of ``cells`` train, and what they need."""
    if not names and not cells:
        return runs
    stages = dvc_stages.chosen(dvc_stages.from_tokens(dvc_stages.load()), names, cells)
    wanted = {(stage.kind, *stage.arguments) for stage in stages}
    return [run for run in runs if (run.stage, *run.arguments) in wanted]


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
    dvc_stages.add_arguments(parser, "that its runs start from")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    arguments = parser.parse_args()
    with cli.errors_in_one_line(arguments.debug):
        settings = params.load(paths.PARAMS)
        cli.prepare_process(settings)
        runs = _chosen(training_runs.of_grid(settings), arguments.stages, arguments.cells)
        run(settings, runs, arguments.on, arguments.estimate)


if __name__ == "__main__":
    main()
