"""Classify text with a ticket: one result per line of text, as soon as the line is there."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from lottery.errors import LotteryError, clipped, one_line
from lottery.tickets import inputs
from lottery.tickets.ticket import Ticket

EPILOG = """
examples:
  echo "a gripping, funny film" | python -m lottery.tickets.predict film.ticket
  python -m lottery.tickets.predict film.ticket reviews.txt --json --top 2
  python -m lottery.tickets.predict film.ticket reviews.csv --column review
  python -m lottery.tickets.predict film.ticket --about
"""
_STDIN = "standard input"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(clipped(one_line(message), 300))


def main() -> None:
    """The command ``python -m lottery.tickets.predict``, or ``lottery-predict``."""
    arguments = _parser().parse_args()
    try:
        ticket = Ticket.load(arguments.ticket)
        if arguments.about:
            print(json.dumps(about(ticket), indent=2, ensure_ascii=False))
            return
        for texts in _texts(arguments.files, arguments.column):
            for line in results(ticket, texts, arguments):
                print(line)
            sys.stdout.flush()
    except BrokenPipeError:  # 'head' has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (LotteryError, OSError) as error:
        sys.exit(f"error: {one_line(str(error))}")
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        "python -m lottery.tickets.predict",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("ticket", type=Path, help="the ticket: a file that the export wrote")
    parser.add_argument(
        "files", type=Path, nargs="*", help="files with a text per line (default: standard input)"
    )
    parser.add_argument(
        "--column", metavar="NAME", help="read this column of CSV, TSV or JSONL instead of lines"
    )
    parser.add_argument(
        "--format",
        choices=("tsv", "jsonl"),
        default="tsv",
        help="label, tab, probability (default), or a JSON object, per text",
    )
    parser.add_argument(
        "--json", action="store_const", const="jsonl", dest="format", help="--format jsonl"
    )
    parser.add_argument(
        "--top", type=_positive, default=1, metavar="K", help="the K most probable classes"
    )
    parser.add_argument(
        "--explain", action="store_true", help="add the words that decided each label"
    )
    parser.add_argument(
        "--about", action="store_true", help="print where the ticket comes from, and end"
    )
    return parser


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer, got '{text}'")
    return int(text)


def about(ticket: Ticket) -> dict[str, Any]:
    """What the ticket says of itself, without the numbers per tensor."""
    header = ticket.header
    return {
        "model": type(header.model).__name__.lower(),
        "classes": header.classes,
        "words": header.words,
        "tokenizer": header.tokenizer,
        "max_tokens": header.max_tokens,
        "values": header.values,
        "sparsity": round(header.sparsity, 6),
        "provenance": header.provenance,
    }


def _texts(files: list[Path], column: str | None) -> Iterator[list[str]]:
    """The texts of all files, or of standard input, in batches."""
    with ExitStack() as stack:
        paths: list[Path | None] = [*files] or [None]
        for path in paths:
            stream = stack.enter_context(path.open("rb")) if path else sys.stdin.buffer
            name = str(path) if path else _STDIN
            batches = inputs.lines(stream, name)
            yield from inputs.column(stream, name, column) if column else batches


def results(ticket: Ticket, texts: list[str], arguments: argparse.Namespace) -> Iterator[str]:
    """The line to print for each text."""
    if not texts:
        return
    probabilities = ticket.probabilities(texts)
    for text, row in zip(texts, probabilities, strict=True):
        ranked = np.argsort(-row, kind="stable")[: arguments.top].tolist()
        pairs = [(ticket.classes[number], round(float(row[number]), 4)) for number in ranked]
        reasons = _reasons(ticket, text) if arguments.explain else []
        if arguments.format == "jsonl":
            yield _json_line(pairs, reasons, arguments)
        else:
            fields = [f"{one_line(label)}\t{value:.4f}" for label, value in pairs]
            fields += [f"{one_line(words)} ({effect:+.3f})" for words, effect in reasons]
            yield "\t".join(fields)


def _json_line(
    pairs: list[tuple[str, float]],
    reasons: list[tuple[str, float]],
    arguments: argparse.Namespace,
) -> str:
    row: dict[str, Any] = {"label": pairs[0][0], "probability": pairs[0][1]}
    if arguments.top > 1:
        row["top"] = [{"label": label, "probability": value} for label, value in pairs]
    if arguments.explain:
        row["explanation"] = [{"words": words, "effect": effect} for words, effect in reasons]
    return json.dumps(row, ensure_ascii=False)


def _reasons(ticket: Ticket, text: str) -> list[tuple[str, float]]:
    from lottery.tickets import explain  # few calls need it

    return [(reason.words, round(reason.effect, 4)) for reason in explain.reasons(ticket, text)]


if __name__ == "__main__":
    main()
