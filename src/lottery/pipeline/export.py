"""Write a trained and pruned network as a ticket: one small file that classifies text.

The network is one level of one seed of a cell that has run (see dvc.yaml).
"""

import argparse
import sys
from pathlib import Path

from lottery.config import params
from lottery.config.grid import WINNING_TICKET, Run
from lottery.config.plugins import suggestion
from lottery.config.schema import Params
from lottery.errors import LotteryError, brief, one_line
from lottery.pipeline.cli import Parser
from lottery.pipeline.jobs import export
from lottery.report import provenance
from lottery.storage import paths
from lottery.tickets import format, onnx
from lottery.tickets.header import VALUES

_CHOSEN = "chosen"


def main() -> None:
    """The command ``python -m lottery.tickets.export``, or ``lottery-export``."""
    arguments = _parser().parse_args()
    try:
        settings = params.load(paths.PARAMS)
        run = _run(settings, arguments)
        seed = settings.seeds[0] if arguments.seed is None else arguments.seed
        level = _level(run, arguments.level)
        network = export.network(run, seed, level, {"commit": provenance.commit()})
        export.write(arguments.output, network, arguments.values)
        if arguments.onnx:
            onnx.write(format.read(arguments.output), arguments.onnx)
        report = export.report(run, arguments.output)
    except (LotteryError, OSError) as error:
        sys.exit(f"error: {one_line(str(error))}")
    print(
        f"{arguments.output}: {run.name}, seed {seed}, level {level}, "
        f"{100 * report['sparsity']:.2f} % sparse, {report['bytes']:,} bytes "
        f"({report['dense_float32_bytes'] / report['bytes']:.1f} times smaller than all weights "
        f"in float32); test accuracy {report['test_accuracy']:.2f} % "
        f"({report['evaluated_test_accuracy']:.2f} % when it was evaluated)"
    )


def _parser() -> argparse.ArgumentParser:
    parser = Parser("python -m lottery.tickets.export", description=__doc__)
    parser.add_argument("corpus", help=f"a corpus listed in {paths.PARAMS}")
    parser.add_argument("model", help=f"a model listed in {paths.PARAMS}")
    parser.add_argument(
        "--strategy", default=WINNING_TICKET, help=f"whose levels (default: {WINNING_TICKET})"
    )
    parser.add_argument(
        "--seed", type=int, help=f"which seed's network (default: the first in {paths.PARAMS})"
    )
    parser.add_argument(
        "--level",
        type=_level_name,
        default=_CHOSEN,
        help="a level's number, 0 for the dense network, or 'chosen' for the ticket's (default)",
    )
    parser.add_argument(
        "--values", choices=VALUES, default="float16", help="how weights are stored"
    )
    parser.add_argument(
        "--onnx",
        type=Path,
        metavar="FILE",
        help="also write the network as dense ONNX (needs the package onnx)",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the ticket to write"
    )
    return parser


def _level_name(text: str) -> str:
    if text != _CHOSEN and not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise argparse.ArgumentTypeError(f"expected a number or '{_CHOSEN}', got {brief(text)}")
    return text


def _run(settings: Params, arguments: argparse.Namespace) -> Run:
    """The run on the command line. Raises LotteryError for one that is not in params.yaml."""
    for what, name, choices in (
        ("corpus", arguments.corpus, list(settings.corpora)),
        ("model", arguments.model, list(settings.models)),
        ("strategy", arguments.strategy, list(settings.strategies)),
        ("seed", str(arguments.seed), [*map(str, settings.seeds), "None"]),
    ):
        if name not in choices:
            hint = suggestion(name, choices)
            raise LotteryError(f"{what} {brief(name)} is not in {paths.PARAMS}{hint}")
    return Run(settings, arguments.corpus, arguments.model, arguments.strategy)


def _level(run: Run, name: str) -> int:
    """The number of the level; that of the dense network, with a note, where there is no ticket."""
    if name != _CHOSEN:
        return int(name)
    level = export.chosen_level(export.curve(run))
    if level is None:
        print(f"{run.name} has no ticket: exporting its dense network", file=sys.stderr)
    return level or export.DENSE


if __name__ == "__main__":
    main()
