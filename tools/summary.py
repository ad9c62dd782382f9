"""Print the results of the last run: tickets, verdicts, and where the figures are."""

import json
import sys

import pandas as pd
from rich.console import Console
from rich.table import Table

from lottery.config import grid, params
from lottery.config.schema import Params
from lottery.data import corpus_report
from lottery.errors import LotteryError
from lottery.pipeline.cli import Parser
from lottery.storage import csv_tables, paths


def table(settings: Params) -> Table:
    """The sparsest matching level of each strategy, and its test accuracy, beside dense."""
    seeds = len(settings.seeds)
    caption = f"test accuracy in percent: mean of {seeds} seeds ± standard deviation"
    if seeds == 1:
        caption = "test accuracy in percent; one seed, so differences may be due to chance"
    result = Table(
        title="Sparsest matching tickets (chosen on validation)",
        caption=f"{caption}\nmatching: at most {settings.evaluate.tolerance} points below dense on "
        "validation",
    )
    for heading in ("corpus", "model", "dense", *settings.strategies):
        result.add_column(heading.replace("_", " "))
    for cell in grid.cells(settings):
        levels = csv_tables.read(paths.curves(cell.name))
        dense = levels[levels.level == 0].drop_duplicates("seed").test_accuracy
        tickets = [_ticket(levels[levels.arm == name]) for name in settings.strategies]
        result.add_row(cell.corpus, cell.model, _accuracy(dense), *tickets)
    return result


def _accuracy(values: pd.Series) -> str:
    if values.empty:
        return "failed"
    spread = f" ± {values.std():.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{spread}"


def _ticket(levels: pd.DataFrame) -> str:
    chosen = levels[levels.chosen]
    if chosen.empty:
        return "none"
    level, sparsity = chosen.level.iloc[0], 100 * chosen.sparsity.mean()
    return f"{_accuracy(chosen.test_accuracy)} at {sparsity:.1f} % sparse (level {level})"


def notes(settings: Params) -> list[str]:
    """What a reader must know about the corpora, and which seeds are missing."""
    lines = []
    for corpus in settings.corpora:
        path = paths.provenance(corpus)
        selection = json.loads(path.read_text()).get("selection") if path.exists() else None
        if selection:
            lines.append(f"{corpus}: {selection}")
        report = corpus_report.load(corpus)
        lines += [f"{corpus}: {warning}" for warning in report["warnings"]] if report else []
    for cell in grid.cells(settings):
        for strategy in settings.strategies:
            failed = csv_tables.failed(cell.of_arm(strategy).tables_folder)
            lines += [f"{cell.name} {strategy}: a seed is left out: {why}" for why in failed.reason]
    return lines


def _claims() -> list[str]:
    """The claims that are supported or contradicted, and how many are neither."""
    claims = csv_tables.read(paths.STATISTICS / "claims.csv")
    decided = claims[claims.verdict.isin(["supported", "contradicted"])]
    lines = [f"{row.verdict}: {row.sentence}" for row in decided.itertuples()]
    return [*lines, f"{len(claims) - len(decided)} of {len(claims)} undecided or not tested"]


def main() -> None:
    """Print the table of the grid in params.yaml."""
    Parser("python -m tools.summary", description=__doc__).parse_args()
    try:
        settings = params.load(paths.PARAMS)
        tickets = table(settings)
    except LotteryError as error:
        sys.exit(f"error: {error}")
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(tickets)
    for note in notes(settings):
        console.print(f"note: {note}")
    for claim in _claims():
        console.print(f"claim: {claim}")
    console.print(f"report: {paths.REPORT} (open it in a browser)")
    console.print(f"figures: {paths.FIGURES}/overview.png and others (SVG and PNG)")
    console.print(f"numbers: {paths.METRICS}/, {paths.CURVES}/")


if __name__ == "__main__":
    main()
