"""Print the results of the last run: tickets, verdicts, and where the figures are."""

import json
import sys
from collections.abc import Iterator, Mapping

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from lottery.analysis.majority import is_unequal
from lottery.analysis.tidy import DENSE
from lottery.config import grid, params
from lottery.config.schema import Params
from lottery.data import corpus_report
from lottery.errors import LotteryError
from lottery.pipeline.cli import Parser
from lottery.report.formats import MISSING, fixed, share, signed
from lottery.storage import csv_tables, paths

_VERDICTS = ("supported", "contradicted")
"""Those of which the claims are printed; the others are counted."""


def tickets_table(
    dense: pd.DataFrame, tickets: pd.DataFrame, linear_models: Mapping[str, float], seeds: int
) -> Table:
    """One row per ticket; before those of a cell, the most frequent class, the linear model and the
    dense network.

    ``dense`` and ``tickets`` are tables of ``plots/statistics``; ``linear_models`` has the test
    accuracy of those by cell. Nothing is cut in a narrow terminal: words are wrapped.
    """
    about = f"mean of {seeds} seeds ± standard deviation" if seeds > 1 else "of one seed"
    result = Table(
        title="Sparsest matching tickets, chosen on validation",
        caption=f"test accuracy in percent, {about}; difference from dense in points",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for heading in ("cell", "network"):
        result.add_column(heading, overflow="fold")
    for heading in ("sparsity", "accuracy", "difference"):
        result.add_column(heading, overflow="fold", justify="right")
    for cell in dense.to_dict("records"):
        name = cell["cell"]
        result.add_row(name, "most frequent class", "", fixed(cell["test_majority"], 1), "")
        if name in linear_models:
            accuracy = fixed(linear_models[name], 1)
            result.add_row(name, "linear model (TF-IDF)", "", accuracy, "")
        for ticket in tickets[tickets.cell == name].to_dict("records"):
            result.add_row(name, *_ticket(ticket))
        result.add_section()
    return result


def _ticket(row: dict[str, object]) -> tuple[str, str, str, str]:
    network = str(row["arm"]).replace("_", " ")
    accuracy = _with_spread(fixed(row["test_accuracy"], 1), row["std"])
    if row["arm"] == DENSE:
        return network, share(row["sparsity"]), accuracy, ""
    if pd.isna(row["sparsity"]):
        return network, "no ticket", "", ""
    difference = _with_spread(signed(row["difference"], 1), row["difference_std"])
    return network, share(row["sparsity"]), accuracy, difference


def _linear_models(settings: Params) -> dict[str, float]:
    """The test accuracy of the linear model on each cell's corpus, where there is one."""
    rows = {
        cell.name: csv_tables.baseline(grid.baseline_folder(cell.corpus))
        for cell in grid.cells(settings)
    }
    return {cell: row["test_accuracy"] for cell, row in rows.items() if row}


def _with_spread(value: str, spread: object) -> str:
    return value if pd.isna(spread) else f"{value} ± {fixed(spread, 1)}"


def notes(settings: Params, dense: pd.DataFrame, tickets: pd.DataFrame) -> Iterator[str]:
    """What a reader must know: of the corpora, why there is no ticket, which seeds are missing."""
    for corpus in settings.corpora:
        path = paths.provenance(corpus)
        selection = json.loads(path.read_text()).get("selection") if path.exists() else None
        if selection:
            yield f"{corpus}: {selection}"
        if report := corpus_report.load(corpus):
            yield from (f"{corpus}: {warning}" for warning in report["warnings"])
    for cell in dense.to_dict("records"):
        if is_unequal(cell["test_majority"], cell["classes"]):
            yield (
                f"{cell['cell']}: classes are unequal; of dense, balanced accuracy is "
                f"{fixed(cell['test_balanced_accuracy'], 1)} % and macro-F1 "
                f"{fixed(cell['test_macro_f1'], 1)} %"
            )
        if not pd.isna(cell["no_ticket"]):
            yield f"{cell['cell']}: no ticket: {cell['no_ticket']}"
    cells_without = set(dense.cell[dense.no_ticket.notna()])
    reasons = tickets[tickets.reason.notna() & ~tickets.cell.isin(cells_without)]
    for reason, rows in reasons.groupby("reason", sort=False):
        which = ", ".join(f"{row.cell} {row.arm}" for row in rows.itertuples())
        yield f"no ticket, because {reason}: {which}"
    for cell in grid.cells(settings):
        for run in grid.cell_runs(cell):
            failed = csv_tables.failed(run.tables_folder)
            yield from (
                f"{cell.name} {run.arm}: a seed is left out: {why}" for why in failed.reason
            )


def verdicts(claims: pd.DataFrame) -> Iterator[str]:
    """The claims that the run decides, and how many have which verdict."""
    for row in claims[~claims.verdict.isin(["undecided", "not tested"])].itertuples():
        yield f"{row.verdict}: {row.sentence}"
    counts = {**dict.fromkeys(_VERDICTS, 0), **claims.verdict.value_counts(sort=False)}
    tally = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    yield f"{len(claims)} claims: {tally or MISSING}"


def main() -> None:
    """Print the results of the grid in params.yaml."""
    Parser("python -m tools.summary", description=__doc__).parse_args()
    try:
        settings = params.load(paths.PARAMS)
        dense, tickets, claims = (
            csv_tables.read(paths.STATISTICS / f"{name}.csv")
            for name in ("dense", "tickets", "claims")
        )
        linear_models = _linear_models(settings)
        lines = [f"note: {note}" for note in notes(settings, dense, tickets)]
    except LotteryError as error:
        sys.exit(f"error: {error}")
    is_terminal = sys.stdout.isatty()
    console = Console(width=None if is_terminal else 120, highlight=False, markup=False)
    console.print(tickets_table(dense, tickets, linear_models, len(settings.seeds)))
    lines += [f"claim: {line}" for line in verdicts(claims)]
    lines += [
        f"report: {paths.REPORT} (open it in a browser)",
        f"figures: {paths.FIGURES}/overview.png and others (SVG and PNG)",
        f"tickets: {paths.ticket('<cell>')} classifies text (README, 'Take a ticket home')",
        f"numbers: {paths.METRICS}/, {paths.STATISTICS}/, {paths.CURVES}/",
    ]
    for line in lines:  # a line of a file stays one
        console.print(line, soft_wrap=not is_terminal)


if __name__ == "__main__":
    main()
