"""Content for the report page, for the tests that read it and those that open it in a browser."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from helpers import ROOT

from lottery.report.content import COLUMNS, Content

CORPORA = ("rotten_tomatoes", "reuters_r8")
CELLS = [f"{corpus}-{model}" for corpus in CORPORA for model in ("cnn", "lstm")]
HOSTILE = """<script>alert("1")</script>'"&<img src=x onerror=alert(2)></svg></style>{{ 7 * 7 }}"""
VERDICTS = (
    *("supported", "contradicted", "no difference beyond the margin"),
    *("a difference smaller than the margin", "undecided", "not tested"),
)


FACTS = {
    **{"parameters": 5_120_801, "train": 4777, "validation": 2047, "test": 1706},
    **{"tokens_per_document": 18.9, "max_tokens": 24, "epochs": 3},
    **{"linear_model": 73.564, "linear_model_bytes": 248_291},
}


SEPARATE = (
    *("tensors", "epochs", "connectivity"),
    *("files", "costs", "lost", "changed", "speeds"),
)
"""The fields with a table per cell."""


def study_row() -> dict[str, Any]:
    """A row of the 2020 study beside ours, made up."""
    return {
        **{"cell": CELLS[0], "arm": "winning_ticket", "published_dense": 87.04},
        **{"published_ticket": 87.55, "published_sparsity": 0.36, "dense": 73.5, "ticket": 73.25},
        **{"sparsity": 0.65, "no_ticket": np.nan, "at_published_sparsity": np.nan, "seeds": 3},
        "differences": "3 seeds (2020: one trial)",
    }


def frame(name: str, rows: list[Any] | None = None) -> pd.DataFrame:
    """The table ``name`` of the content, from its rows."""
    return pd.DataFrame(rows or [], columns=COLUMNS[name].split())


def nothing() -> dict[str, Any]:
    """The fields of a content whose tables are all empty."""
    tables: dict[str, Any] = {name: frame(name) for name in COLUMNS}
    separate = {name: {} for name in SEPARATE}
    return tables | separate | {"provenance": {}, "data": []}


@cache
def realistic(count: int = len(CELLS)) -> Content:
    """The committed tables of the quick profile's first cells, and claims that were made up."""
    by_cell = {cell: cell_tables(cell) for cell in CELLS[:count]}
    joined = {
        name: pd.concat(tables[name] for tables in by_cell.values())
        for name in ("levels", "dense", "facts", "tickets", "per_seed", "predictions", "classes")
    }
    separate = {name: {cell: tables[name] for cell, tables in by_cell.items()} for name in SEPARATE}
    return Content(
        **claims(),
        **joined,
        **separate,
        study=frame("study", [study_row()]),
        failed=frame("failed", [(CELLS[1], "late_rewinding", 2, 5, "the loss is not finite")]),
        provenance={
            "code": "32f6310c0ffee32f6310c0ffee32f6310c0ffee",
            "parameters": "params.yaml, sha256 " + 4 * "0123456789abcdef",
            "versions": "Python 3.11, torch 2.13.0, numpy 2.4.0, pandas 3.0.0",
        },
        data=[
            {
                "corpus": "rotten_tomatoes",
                "documents": 10662,
                "of": 10662,
                "classes": 2,
                "note": "",
            },
            {
                "corpus": "reuters_r8",
                "documents": 7674,
                "of": 21578,
                "classes": 8,
                "note": "Only documents with exactly one of the eight topics are in this set.",
            },
        ],
    )


def cell_tables(cell: str) -> dict[str, Any]:
    """One cell of the repository's own tables, with made-up controls and exploratory tables."""
    runs = committed(f"curves/{cell}.csv")
    chosen = runs[runs.chosen].groupby("arm", sort=False)
    dense = runs[runs.level == 0].test_accuracy.mean()
    tickets = chosen.agg(sparsity=("sparsity", "mean"), test_accuracy=("test_accuracy", "mean"))
    tickets = tickets.reindex(runs.arm.unique()).rename_axis("arm").reset_index()
    none = tickets.sparsity.isna()
    tickets["reason"] = none.map(
        {True: "level 1 is more than 0.5 points below dense", False: np.nan}
    )
    tickets = tickets.assign(**by_class(tickets.test_accuracy, "test_"))
    network = {"classes": 2, "n": 3, "test_accuracy": dense, "test_majority": 51.25}
    random_reinit = runs[(runs.arm == "random_reinit") & runs.level.isin([2, 4])]
    controls = [
        random_reinit.assign(arm=name, test_accuracy=random_reinit.test_accuracy - 0.6 * index)
        for index, name in enumerate(("reinit_same_mask", "shuffled_mask", "snip"), 1)
    ]
    pruned = runs[runs.level > 0]
    tables = {
        name: pd.concat(
            committed(f"tables/{cell}-{strategy}/{name}.csv") for strategy in runs.arm.unique()
        )
        for name in ("tensors", "epochs")
    }
    classes = [(number, name) for number, name in enumerate(("acq & trade", "earn", "<crude>"))]
    return tables | {
        "levels": mean_levels(cell, pd.concat([runs, *controls])),
        "dense": frame("dense", [{"cell": cell, **network, **by_class(dense, "test_")}]),
        "facts": frame("facts", [{"cell": cell, **FACTS}]),
        "tickets": tickets.assign(cell=cell, difference=tickets.test_accuracy - dense),
        "per_seed": pruned[pruned.level == 2].assign(
            cell=cell, difference=pruned.test_accuracy - dense
        ),
        "predictions": pruned.assign(
            cell=cell,
            only_dense=40 + pruned.level,
            only_level=38 - pruned.level,
            mcnemar_p=0.9 / 4.0**pruned.level,
            calibration_error=3 + 0.5 * pruned.seed,
        ),
        "classes": pd.concat(
            pruned[pruned.level.isin([1, 3])].assign(
                **{"cell": cell, "class": number, "name": name, "documents": 500 - 100 * number},
                accuracy=pruned.test_accuracy - number,
            )
            for number, name in classes
        ),
        "connectivity": lines_between(runs.level.nunique(), 3),
        **ticket_file(runs[(runs.arm == "winning_ticket") & (runs.seed == runs.seed.min())]),
    }


def ticket_file(levels: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Made up: what is measured of a ticket's file. ``levels`` are of one seed of its strategy."""
    whole = 20_483_204
    files = levels[["level", "sparsity", "test_accuracy"]].assign(
        strategy="winning_ticket",
        bytes=(whole * (1.02 - levels.sparsity) / 2).round(),
        words_bytes=120_000,
        is_exported=levels.level == 1,
        dense_bytes=whole,
        note=np.nan,
    )
    rivals = [("PyTorch eager", 73.5, 900), ("ONNX Runtime int8", 73.25, 4000)]
    rivals += [("TF-IDF, logistic regression", 73.75, 2500)]
    rivals += [
        (f"ticket, level {row.level}", row.test_accuracy, 9000) for row in files.itertuples()
    ]
    speeds = [(*rival[:2], 10_000_000, 180.5, 1.25, rival[2], 0.25, 0.75) for rival in rivals]
    return {
        "files": files,
        "costs": frame("costs", [("dense", 3, 73.5, 73, 72, 4), ("ticket", 3, 73, 72, 71, 6)]),
        "lost": frame("lost", [("<crude>", 120, 70.0, 61.5, -8.5), ("earn", 900, 99.0, 99.0, 0.0)]),
        "changed": frame("changed", [(17, "earn", "earn", 0.9, "<crude>", 0.8)]),
        "speeds": frame("speeds", speeds),
    }


def committed(path: str) -> pd.DataFrame:
    """A table in ``plots/``: of Reuters R8, which has the only ones, also for another corpus."""
    return pd.read_csv(ROOT / "plots" / path.replace(CORPORA[0], CORPORA[1]))


def by_class(accuracy: Any, prefix: str = "") -> dict[str, Any]:
    """Made up: balanced accuracy and macro-F1 a little below accuracy."""
    return {f"{prefix}balanced_accuracy": accuracy - 1.5, f"{prefix}macro_f1": accuracy - 2.5}


def mean_levels(cell: str, runs: pd.DataFrame) -> pd.DataFrame:
    """As the analysis computes them, but with a plain range of two standard errors."""
    dense = runs[runs.level == 0].drop_duplicates("seed").set_index("seed").test_accuracy
    runs = runs.assign(difference=runs.test_accuracy - runs.seed.map(dense))
    groups = runs.groupby(["arm", "level"], sort=False)
    levels = groups.agg(sparsity=("sparsity", "mean"), n=("seed", "size")).reset_index()
    for name, low, high, key in (
        ("accuracy", "low", "high", "test_accuracy"),
        ("difference", "difference_low", "difference_high", "difference"),
    ):
        half = 2 * groups[key].sem().to_numpy()
        levels[name] = groups[key].mean().to_numpy()
        levels[low], levels[high] = levels[name] - half, levels[name] + half
    return levels.assign(cell=cell, **by_class(levels.accuracy))


def lines_between(levels: int, seeds: int) -> pd.DataFrame:
    """Lines between networks, whose barriers grow with the level and the seed."""
    alphas = np.linspace(0, 1, 11)
    rows = [
        (
            kind,
            seed,
            level,
            alpha,
            0.1 + rise * alpha * (1 - alpha),
            20 + 4 * rise * alpha * (1 - alpha),
        )
        for index, kind in enumerate(("levels", "orders"))
        for seed in range(seeds)
        for level in range(index ^ 1, levels)
        for rise in [(1 + index) * (0.2 + 0.3 * level + 0.1 * seed)]
        for alpha in alphas
    ]
    return frame("connectivity", rows)


def claims() -> dict[str, pd.DataFrame]:
    """Made up, with every verdict."""
    named = {
        "winning_beats_same_mask": "A winning ticket's own initial weights beat fresh ones.",
        "moderate_pruning_helps": "Moderate pruning makes test accuracy better than dense.",
        "late_beats_early": "Late rewinding beats rewinding to the initial weights.",
        "values_matter": "A ticket's initial values work better than the same ones elsewhere.",
        "stays_open": "The advantage grows with sparsity.",
        "sensible_scale": "The advantage survives a sensible scale of the embedding.",
    }
    rows, contrasts = [], []
    for index, ((name, sentence), verdict) in enumerate(zip(named.items(), VERDICTS, strict=True)):
        counts = [len(CELLS) * (verdict == other) for other in VERDICTS]
        rows.append((name, sentence, verdict, verdict, *counts))
        for shift, cell in enumerate(CELLS):
            effect = (2.34, -1.52, 0.04, 0.21, 0.93, np.nan)[index] + 0.1 * shift
            half = (0.9, 0.9, 0.2, 0.15, 2.9, 0)[index] + 0.01 * shift
            contrasts.append(contrast(name, cell, verdict, effect, half, verdict))
    return {"claims": frame("claims", rows), "contrasts": frame("contrasts", contrasts)}


def contrast(
    name: str, cell: str, verdict: str, effect: float, half: float, with_documents: str
) -> tuple[Any, ...]:
    """A row of the table ``contrasts``, whose interval is ``half`` to both sides."""
    keys = (name, cell, "difference", "winning_ticket", "reinit_same_mask", "0.5 to 0.9")
    if verdict == "not tested":
        return (*keys, np.nan, 0, *[np.nan] * 8, verdict, with_documents, "snip was not run")
    ps = (0.0004, 0.0123, 0.0234, 1.87)
    return (
        *keys,
        "3 4",
        3,
        effect,
        effect - half,
        effect + half,
        0.5,
        *ps,
        verdict,
        with_documents,
        np.nan,
    )
