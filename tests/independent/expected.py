"""The tables of ``plots/curves`` and ``plots/statistics`` that need no test, row by row."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from independent import tests_of_means as t
from independent.study import Study


def curves(study: Study, cell: str) -> pd.DataFrame:
    rows = pd.concat(study.levels[cell].values(), ignore_index=True)
    remaining = [float(f"{100 - 100 * sparsity:.6g}") for sparsity in rows.sparsity]
    chosen = {arm: study.ticket_level(cell, arm) for arm in study.strategies}
    pairs = zip(rows.arm, rows.level, strict=True)
    return rows.assign(remaining=remaining, chosen=[chosen.get(a) == n for a, n in pairs])


def dense(study: Study) -> Iterator[dict[str, Any]]:
    for cell in study.cells:
        rows = study.dense(cell)
        classes = study.of_arm(cell, study.strategies[0], "classes")["class"].nunique()
        yield {
            **{"cell": cell, "n": len(rows), "classes": classes},
            **{name: rows[name].mean() for name in rows if name.endswith(("accuracy", "majority"))},
            "test_macro_f1": rows.test_macro_f1.mean(),
            "std": rows.test_accuracy.std(),
            "no_ticket": study.has_nothing_to_lose(cell),
        }


def tickets(study: Study) -> Iterator[dict[str, Any]]:
    for cell in study.cells:
        of_dense = study.dense(cell)
        for arm in ("dense", *study.strategies):
            level = 0 if arm == "dense" else study.ticket_level(cell, arm)
            row = {"cell": cell, "arm": arm, "level": level, "n": 0, "reason": level is None}
            if level is not None:
                rows = of_dense if arm == "dense" else study.levels[cell][arm]
                rows = rows[rows.level == level]
                rows = rows if arm == "dense" else rows.set_index("seed")
                difference = rows.test_accuracy - of_dense.test_accuracy
                row |= {"n": len(rows), "sparsity": rows.sparsity.mean()}
                row |= {name: rows[name].mean() for name in ("test_accuracy", "test_macro_f1")}
                row |= {"test_balanced_accuracy": rows.test_balanced_accuracy.mean()}
                row |= {"std": rows.test_accuracy.std(), "difference": difference.mean()}
                row |= {"difference_std": difference.std()}
            yield row


def seed_tickets(study: Study) -> Iterator[dict[str, Any]]:
    for cell in study.cells:
        for arm in filter(study.levels[cell].__contains__, study.strategies):
            rows = study.levels[cell][arm]
            for seed in rows.seed.unique():
                level = study.seed_ticket(cell, arm, seed)
                row = {"cell": cell, "arm": arm, "seed": seed, "level": level}
                if level is not None:
                    ticket = rows[(rows.seed == seed) & (rows.level == level)].iloc[0]
                    row |= {"sparsity": ticket.sparsity, "test_accuracy": ticket.test_accuracy}
                    row["difference"] = ticket.test_accuracy - study.dense(cell).test_accuracy[seed]
                yield row


def levels(study: Study) -> Iterator[dict[str, Any]]:
    for cell in study.cells:
        of_dense = study.dense(cell).test_accuracy
        for arm, every in study.levels[cell].items():
            for level, rows in every.groupby("level"):
                values = rows.set_index("seed").test_accuracy
                differences = (values - of_dense).dropna().to_numpy()
                mean, difference = t.of_pairs(values.to_numpy()), t.of_pairs(differences)
                low, high = t.interval(mean, 0.95)
                difference_low, difference_high = t.interval(difference, 0.95)
                bootstrap_low, bootstrap_high = t.bootstrap(values.to_numpy())
                yield {
                    **{"cell": cell, "arm": arm, "level": level, "n": len(values)},
                    **{"sparsity": rows.sparsity.mean(), "accuracy": mean.effect},
                    **{"low": low, "high": high, "difference": difference.effect},
                    **{"difference_low": difference_low, "difference_high": difference_high},
                    **{"bootstrap_low": bootstrap_low, "bootstrap_high": bootstrap_high},
                    "balanced_accuracy": rows.test_balanced_accuracy.mean(),
                    "macro_f1": rows.test_macro_f1.mean(),
                }


def transfers(study: Study) -> Iterator[dict[str, Any]]:
    """Each level of a transferred arm beside dense and beside each arm that has that level."""
    for cell, (corpus, model) in study.cells.items():
        source, others = study.source(cell), study.levels[cell]
        names = study.params["transfer"]["arms"] if source else []
        for arm in filter(others.__contains__, names):
            for level, sparsity in study.sparsity(cell, arm).items():
                for against in ("dense", *others):
                    if against == arm or (
                        against != "dense" and level not in set(others[against].level)
                    ):
                        continue
                    mean = t.of_pairs(study.differences(cell, arm, against, [level]))
                    low, high = t.interval(mean, 0.95)
                    yield {
                        **{"source": source, "target": corpus, "model": model, "arm": arm},
                        **{"level": level, "sparsity": sparsity, "against": against},
                        **{"n": mean.n, "difference": mean.effect, "low": low, "high": high},
                    }
