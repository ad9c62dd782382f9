"""Print what the pipeline found: each cell's tickets, and where the pictures are."""

import json
import sys

import pandas as pd
from rich.console import Console
from rich.table import Table

from lottery import params, paths
from lottery.analysis import tables
from lottery.errors import LotteryError
from lottery.params import Params
from stages._run import Parser


def table(settings: Params) -> Table:
    """The sparsest matching level of each strategy, and its test accuracy, beside dense."""
    seeds = len(settings.seeds)
    caption = f"accuracy: test, percent, mean of {seeds} seeds ± standard deviation"
    if seeds == 1:
        caption = "accuracy: test, percent; one seed, so no spread: read differences with care"
    found = Table(
        title="Sparsest matching tickets (chosen on validation)",
        caption=f"{caption}\nmatching: at most {settings.evaluate.tolerance} points below dense",
    )
    for heading in ("corpus", "model", "dense", *settings.strategies):
        found.add_column(heading.replace("_", " "))
    for corpus in settings.corpora:
        for model in settings.models:
            levels = tables.read(paths.curves(paths.cell(corpus, model)))
            dense = levels[levels.level == 0].drop_duplicates("seed").test_accuracy
            tickets = [_ticket(levels[levels.strategy == name]) for name in settings.strategies]
            found.add_row(corpus, model, _accuracy(dense), *tickets)
    return found


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
    """What a reader of the figures must know about the corpora, and what is missing."""
    found = []
    for corpus in settings.corpora:
        path = paths.provenance(corpus)
        selection = json.loads(path.read_text()).get("selection") if path.exists() else None
        if selection:
            found.append(f"{corpus}: {selection}")
        for model in settings.models:
            for strategy in settings.strategies:
                failed = tables.failed(paths.tables(corpus, model, strategy))
                found += [
                    f"{corpus}-{model} {strategy}, a seed left out: {reason}"
                    for reason in failed.reason
                ]
    return found


def _claims() -> list[str]:
    """Each verdict on a claim that is not undecided, and how many are."""
    claims = tables.read(paths.STATISTICS / "claims.csv")
    decided = claims[claims.verdict.isin(["supported", "contradicted"])]
    found = [f"{row.verdict}: {row.sentence}" for row in decided.itertuples()]
    return [*found, f"{len(claims) - len(decided)} of {len(claims)} undecided or not tested"]


def main() -> None:
    """Print the table of the grid in params.yaml."""
    Parser("python -m tools.summary", description=__doc__).parse_args()
    try:
        settings = params.load(paths.PARAMS)
        shown = table(settings)
    except LotteryError as error:
        sys.exit(f"error: {error}")
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(shown)
    for note in notes(settings):
        console.print(f"note: {note}")
    for claim in _claims():
        console.print(f"claim: {claim}")
    console.print(f"the whole answer: {paths.REPORT} (open it in a browser)")
    console.print(f"pictures: {paths.FIGURES}/overview.png and the others there (SVG and PNG)")
    console.print(f"figures as numbers: {paths.METRICS}/, {paths.CURVES}/")


if __name__ == "__main__":
    main()
