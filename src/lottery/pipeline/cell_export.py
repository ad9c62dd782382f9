"""The stage export: a cell's ticket as a file, and tables of what pruning saves and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from lottery.analysis import pruning_costs
from lottery.errors import LotteryError
from lottery.pipeline.jobs import export as job
from lottery.storage import csv_tables, files, logits, paths, token_arrays
from lottery.tickets import export, format

if TYPE_CHECKING:
    from lottery.config.grid import Run

TICKET = [
    *("strategy", "seed", "level", "sparsity", "values", "bytes", "words_bytes"),
    *("dense_float32_bytes", "evaluated_test_accuracy", "test_accuracy", "note"),
]
LEVELS = ["level", "sparsity", "bytes", "words_bytes", "test_accuracy"]
NO_TICKET = "the dense network, because there is no ticket"


def export_cell(run: Run) -> None:
    """Write the file of the cell, and its folder of tables.

    The network is of the first seed of ``run`` that did not diverge: the chosen ticket, or the
    dense network where there is none. If every seed diverged, or a ticket cannot contain this
    network, the file is empty and the table ``ticket`` says why.
    """
    curve, path = job.curve(run), paths.ticket(run.cell)
    level = job.chosen_level(curve) or job.DENSE
    if len(curve):
        first = curve[curve.seed == curve.seed.iloc[0]]
        content, sizes, note = _files(run, first, level)
    else:
        content, sizes, note = b"", [], "no file, because every seed diverged"
    files.write_bytes(path, content)
    row: dict[str, Any] = {"strategy": run.arm, "note": note}
    if content:
        row |= job.report(run, path)
    if note:
        print(f"{path}: {note}")
    tables = {
        "ticket": pd.DataFrame([row], columns=TICKET),
        "levels": pd.DataFrame(sizes, columns=LEVELS),
        **_costs(run, curve, level),
    }
    csv_tables.write_folder(paths.ticket_tables(run.cell), tables)


def _files(
    run: Run, levels: pd.DataFrame, chosen: int
) -> tuple[bytes, list[dict[str, object]], str]:
    """The file of the ``chosen`` level, the size of each level's file, and a note.

    ``levels`` are the rows of one seed. A network that a ticket cannot contain has no bytes.
    """
    content, sizes, note = b"", [], "" if chosen else NO_TICKET
    for row in levels.to_dict("records"):
        level = int(row["level"])
        size = {name: row[name] for name in ("level", "sparsity", "test_accuracy")}
        network = job.network(run, int(row["seed"]), level)
        try:
            contents = export.contents(network, run.params.export.values)
            encoded = format.to_bytes(contents)
            size |= {"bytes": len(encoded), "words_bytes": format.words_bytes(contents)}
            content = encoded if level == chosen else content
        except format.Unsuitable as error:
            note = f"no file: {error}" if level == chosen else note
        sizes.append(size)
    return content, sizes, note


def _costs(run: Run, curve: pd.DataFrame, level: int) -> dict[str, pd.DataFrame]:
    """The tables ``scores`` and ``classes``, means over seeds, and ``disagreements`` of the first
    seed. Without a ticket the last two have no rows."""
    predictions, classes = (
        csv_tables.read(run.tables_folder / f"{name}.csv") for name in ("predictions", "classes")
    )
    tables = {
        "scores": pruning_costs.scores(curve, predictions, level),
        "classes": pruning_costs.by_class(classes, level),
        "disagreements": pd.DataFrame(columns=pruning_costs.DISAGREEMENTS),
    }
    if level:
        file = logits.of_strategy(run.logits_folder, int(curve.seed.iloc[0]))
        networks, labels = logits.read(file, "test"), token_arrays.read(run.tokens, "test").labels
        if len(networks) <= level or networks.shape[1] != len(labels):
            raise LotteryError(
                f"{file}: does not fit {paths.curves(run.cell)} and {run.tokens}; run 'dvc repro' "
                "to regenerate it"
            )
        tables["disagreements"] = pruning_costs.disagreements(networks[0], networks[level], labels)
    return tables
