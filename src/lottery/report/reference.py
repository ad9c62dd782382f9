"""The 2020 study: its published curves, which the page draws in gray behind ours, and its tables.

Hong 2020, *Lottery Ticket Hypothesis for Text Classification*.
"""

import json
from collections.abc import Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import pandas as pd

from lottery.analysis.level_range import LevelRange
from lottery.analysis.tidy import DENSE
from lottery.config import grid
from lottery.config.grid import WINNING_TICKET, Run
from lottery.config.schema import Params

PUBLISHED = Path(__file__).with_name("seed_study.json")
ARMS = {
    "lt": "winning ticket",
    "random": "random re-initialization",
    "lr_f": "rewound to the first epoch",
    "lr_l": "rewound to the last epoch",
}
"""The study's arms by our names. Its late rewinding used the first or the last dense epoch."""
_FIRST, _LAST = "late_rewinding", "last_epoch_rewinding"
_COUNTERPARTS = {"lt": (WINNING_TICKET,), "lr_f": (_FIRST,), "lr_l": (_LAST, _FIRST)}
"""Which of our arms stands beside a published one: the first of these that was run."""
HEADLINE = [
    *("cell", "arm", "published_dense", "published_ticket", "published_sparsity"),
    *("dense", "ticket", "sparsity", "no_ticket", "at_published_sparsity", "seeds", "differences"),
]


def curves() -> pd.DataFrame:
    """The test accuracies that the study published.

    Columns: cell (``<corpus>-<model>``), arm (a key of :data:`ARMS`), level, remaining (percent of
    weights; a level removes 20 % of those that remain), test_accuracy (percent; one trial).
    """
    study = _study()
    density = 1 - study["rate"]
    rows = [
        (cell, arm, level, 100 * density**level, accuracy)
        for cell, arms in study["curves"].items()
        for arm, accuracies in arms.items()
        for level, accuracy in enumerate(accuracies)
    ]
    return pd.DataFrame(rows, columns=["cell", "arm", "level", "remaining", "test_accuracy"])


def network(cell: str) -> dict[str, float]:
    """The study's network and data: ``parameters``, and documents to ``train`` on."""
    study = _study()
    corpus = cell.rpartition("-")[0]
    documents = study["documents"].get(corpus, {})
    return {"parameters": study["parameters"].get(cell), "train": documents.get("train")}


def headline(
    params: Params,
    tickets: pd.DataFrame,
    levels: pd.DataFrame,
    reports: Mapping[str, Mapping[str, Any] | None],
) -> pd.DataFrame:
    """The study's two tables of tickets beside ours: one row per cell of both and published ticket.

    The columns are :data:`HEADLINE`. Accuracies are on test, in percent, ours the means of
    ``seeds`` seeds; sparsities are fractions. ``ticket`` and ``sparsity`` are NaN where the arm has
    no ticket or was not run; ``no_ticket`` says why. ``at_published_sparsity`` is our accuracy
    at the level of the published sparsity, NaN if there is none within two points.
    ``differences`` lists what else is not as it was in the study.

    ``tickets`` and ``levels`` are tables of ``plots/statistics``; ``reports`` has each corpus's
    report (:func:`lottery.data.corpus_report.load`).
    """
    study, rows, rewind_epoch = _study(), [], params.rewind.epoch
    sections = {"tokens": params.tokens, "prune": params.prune}
    common = {
        key: _value(sections, key)
        for key in study["settings"]["all"]
        if key.partition(".")[0] in sections
    }
    for cell in grid.cells(params):
        of_cell = tickets[tickets.cell == cell.name].set_index("arm")
        for kind, published in study["headline"].get(cell.name, {}).items():
            arms = _COUNTERPARTS[kind]
            arm = next((name for name in arms if name in of_cell.index), arms[0])
            differences = [
                f"ticket chosen on validation (2020: {_choice(study, cell.name, kind, published)})",
                *_differences(study, cell, common, reports.get(cell.corpus)),
            ]
            if kind == "lr_l" and arm == _FIRST:
                differences.insert(0, f"rewound to epoch {rewind_epoch} (2020: to the last)")
            row = {"cell": cell.name, "arm": arm, "differences": "; ".join(differences)}
            row |= dict(zip(HEADLINE[2:5], published, strict=True))
            rows.append(row | _ours(arm, of_cell, levels[levels.cell == cell.name], published[2]))
    return pd.DataFrame(rows, columns=HEADLINE)


def _ours(
    arm: str, tickets: pd.DataFrame, levels: pd.DataFrame, published_sparsity: float
) -> dict[str, Any]:
    """Our columns of a row. ``tickets`` has the cell's rows by arm, ``levels`` the cell's."""
    dense = {"dense": tickets.test_accuracy.get(DENSE), "seeds": tickets.n.get(DENSE, 0)}
    if arm not in tickets.index:
        return {**dense, "no_ticket": "not run"}
    ticket = tickets.loc[arm]
    by_level = levels[(levels.arm == arm) & (levels.level > 0)].set_index("level")
    nearest = LevelRange("nearest", published_sparsity).choose(by_level.sparsity)
    return {
        **dense,
        "ticket": ticket.test_accuracy,
        "sparsity": ticket.sparsity,
        "no_ticket": ticket.reason,
        "at_published_sparsity": by_level.accuracy[nearest[0]] if nearest else None,
    }


def _choice(study: dict[str, Any], cell: str, kind: str, published: list[float]) -> str:
    """How the study chose the ticket, as far as its curves tell."""
    best = max(study["curves"][cell][kind][1:])
    return (
        "the level that is best on test"
        if round(best, 2) == published[1]
        else "on none of its curves"
    )


def _differences(
    study: dict[str, Any], cell: Run, common: dict[str, Any], report: Any
) -> Iterator[str]:
    """What is not as it was in the study: seeds, choice, batches, documents, parameters.

    ``common`` has the values that all cells share, by key.
    """
    seeds = len(cell.params.seeds)
    yield f"{seeds} {'seeds' if seeds > 1 else 'seed'} (2020: one trial)"
    yield "batches of the same lengths in all seeds (2020: at random)"
    documents = study["documents"][cell.corpus]
    if report is not None:
        ours = {split: part["documents"] for split, part in report["splits"].items()}
        if ours != documents:
            yield f"documents: {_counts(ours)} (2020: {_counts(documents)})"
    sections = {
        "corpus": cell.params.corpora[cell.corpus],
        "model": cell.model_settings,
        "train": cell.train_settings,
    }
    for name in ("all", cell.model, cell.name):
        for key, theirs in study["settings"][name].items():
            value = common[key] if key in common else _value(sections, key)
            if json.dumps(value) != json.dumps(theirs):
                yield f"{key}: {_text(value)} (2020: {_text(theirs)})"


def _value(sections: Mapping[str, Any], key: str) -> Any:
    """The value of a key such as "prune.rate"."""
    section, *path = key.split(".")
    return reduce(getattr, path, sections[section])


def _text(value: Any) -> str:
    """``value`` as ``params.yaml`` would have it."""
    return value if isinstance(value, str) else json.dumps(value).replace('"', "")


def _counts(documents: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in documents.items())


def _study() -> dict[str, Any]:
    study: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return study
