"""Print the documents whose predicted class the tickets change, with their text.

They are those of plots/tickets/<cell>/disagreements.csv, which has their numbers: at most ten of
each cell, where the probability of the dense network's answer falls most.
"""

import sys
from collections.abc import Iterator

from lottery.config import grid, params
from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.data import corpus_table
from lottery.data.text import tokenize
from lottery.errors import LotteryError, clipped, one_line
from lottery.pipeline.cli import Parser
from lottery.report.formats import share
from lottery.storage import csv_tables, paths

LONGEST = 300
"""Characters of a text that are printed."""


def lines(settings: Params) -> Iterator[str]:
    """What to print: for each cell a heading, then two lines per document.

    Raises LotteryError for a file that is missing or damaged, or of another run.
    """
    for corpus in settings.corpora:
        cells = [cell for cell in grid.cells(settings) if cell.corpus == corpus]
        table = corpus_table.load(paths.corpus_table(corpus))
        texts = tokenize.test_texts(
            table, settings.tokens, settings.corpora[corpus].dedupe, f"corpora.{corpus}"
        )
        for cell in cells:
            yield from _of_cell(cell, texts, table.classes)


def _of_cell(cell: Run, texts: list[str], classes: list[str]) -> Iterator[str]:
    path = paths.ticket_tables(cell.cell) / "disagreements.csv"
    rows = csv_tables.read(path).to_dict("records")
    ticket = csv_tables.read(path.with_name("ticket.csv")).iloc[0]
    if not rows:
        yield f"{cell.name}: no ticket changes the class of a test document"
        return
    yield f"{cell.name}, seed {ticket.seed:.0f}, {share(ticket.sparsity)} sparse:"
    for row in rows:
        if row["document"] >= len(texts):
            raise LotteryError(f"{path}: of another run; run 'dvc repro' to regenerate it")
        names = [one_line(classes[row[f"{kind}class"]]) for kind in ("", "dense_", "ticket_")]
        yield (
            f"  test document {row['document']}, {names[0]}: "
            f"dense says {names[1]} ({row['dense_probability']:.2f}), "
            f"the ticket {names[2]} ({row['ticket_probability']:.2f})"
        )
        yield f"    {clipped(one_line(texts[row['document']]), LONGEST)}"


def main() -> None:
    """Print the documents of all cells in params.yaml."""
    Parser("python -m tools.disagreements", description=__doc__).parse_args()
    try:
        for line in lines(params.load(paths.PARAMS)):
            print(line)
    except LotteryError as error:
        sys.exit(f"error: {one_line(str(error))}")


if __name__ == "__main__":
    main()
