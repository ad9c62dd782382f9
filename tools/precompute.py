"""Train all that the run store lacks, ahead of the stages, which then only assemble.

'make precompute' tokenizes first: what a network trains on must be there.
"""

import os

from lottery.config import params
from lottery.config.schema import Params
from lottery.errors import LotteryError
from lottery.pipeline import assembly, cli, training_runs, workers
from lottery.pipeline.assembly import Assembler
from lottery.pipeline.board import Board
from lottery.pipeline.executors.local import LocalExecutor
from lottery.pipeline.precompute import Precompute
from lottery.storage import paths


def run(settings: Params, estimate_only: bool) -> None:
    """Say what is pending and how long it takes; train it unless ``estimate_only``.

    Raises LotteryError if a run failed.
    """
    for corpus in settings.corpora:
        if not paths.tokens(corpus).is_dir():
            raise LotteryError(f"{paths.tokens(corpus)}: not found; run 'dvc repro tokenize' first")
    runs = training_runs.of_grid(settings)
    # Its processes work in another folder.
    os.environ["LOTTERY_CHECKPOINTS"] = str(paths.checkpoints().resolve())
    with assembly.tree() as tree, Assembler(tree, LocalExecutor.trained_by) as assembler:
        work = Precompute(Board(runs), assembler)
        work.survey()
        slots = workers.processes(settings.threads, max(1, len(work.pending)))
        seconds = work.seconds()
        print("\n".join(work.lines(seconds, slots)), flush=True)
        if estimate_only or not work.pending:
            return
        with LocalExecutor(tree, slots) as executor:
            work.train(executor, seconds)
    print(f"precompute: {work.levels_trained} trainings; 'dvc repro' assembles the results")
    if work.errors:
        raise LotteryError(
            f"{len(work.errors)} of the runs failed, the first of them {next(iter(work.errors))}: "
            f"{next(iter(work.errors.values()))}"
        )


def main() -> None:
    """Precompute the grid of params.yaml."""
    parser = cli.Parser("python -m tools.precompute", description=__doc__)
    parser.add_argument(
        "--estimate", action="store_true", help="say what is pending and how long it takes"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    arguments = parser.parse_args()
    with cli.errors_in_one_line(arguments.debug):
        settings = params.load(paths.PARAMS)
        cli.prepare_process(settings)
        run(settings, arguments.estimate)


if __name__ == "__main__":
    main()
