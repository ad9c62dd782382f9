"""Every number of a run's statistics, computed again from its tables: where they disagree.

``PYTHONPATH=tests python -m independent.recompute FOLDER`` takes the root of the repository or a
folder of ``studies/``, prints each disagreement, and exits with 1 if there is one.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from independent import expected, verdicts
from independent import tests_of_means as t
from independent.comparison import Comparison
from independent.study import Study

COUNTED = {
    "supported": "supported",
    "contradicted": "contradicted",
    "no_difference": verdicts.NO_DIFFERENCE,
    "smaller": verdicts.SMALLER,
    "undecided": "undecided",
    "not_tested": verdicts.NOT_TESTED,
}


def compare(folder: Path) -> Comparison:
    """Compare all of ``plots/curves``, ``plots/statistics``, ``plots/documents``, ``metrics``."""
    study, comparison = Study(folder), Comparison()
    for cell in study.cells:
        for arm in filter(study.levels[cell].__contains__, study.arms(cell)):
            counts(study, comparison, cell, arm)
    results(study, comparison)
    return comparison


def results(study: Study, comparison: Comparison) -> None:
    """Compare what is computed from the tables ``levels`` of all arms."""
    for cell in study.cells:
        ours = expected.curves(study, cell)
        theirs = study.read(f"plots/curves/{cell}.csv")
        comparison.rows(f"curves/{cell}", ours, ["arm", "seed", "level"], theirs)
        for arm in study.arms(cell):
            documents(study, comparison, cell, arm)
    for name, rows, keys in (
        ("dense", expected.dense(study), ["cell"]),
        ("tickets", expected.tickets(study), ["cell", "arm"]),
        ("seed_tickets", expected.seed_tickets(study), ["cell", "arm", "seed"]),
        ("levels", expected.levels(study), ["cell", "arm", "level"]),
    ):
        comparison.rows(name, pd.DataFrame(rows), keys, statistics(study, name))
    if any(map(study.source, study.cells)):
        keys = ["target", "model", "arm", "level", "against"]
        ours, theirs = pd.DataFrame(expected.transfers(study)), statistics(study, "transfers")
        comparison.rows("transfers", ours, keys, theirs)
    claims(study, comparison)
    metrics(study, comparison)


def statistics(study: Study, name: str) -> pd.DataFrame:
    """A table of ``plots/statistics``; of a reason, whether there is one."""
    table = study.read(f"plots/statistics/{name}.csv")
    reasons = [column for column in ("reason", "no_ticket") if column in table]
    return table.assign(**{column: table[column].notna() for column in reasons})


def counts(study: Study, comparison: Comparison, cell: str, arm: str) -> None:
    """What the tables of an arm have twice: accuracies by class, sparsity by tensor, McNemar's."""
    keys, name = ["seed", "level"], f"tables/{cell}-{arm}"
    classes, tensors = (study.of_arm(cell, arm, table) for table in ("classes", "tensors"))
    classes["right"] = classes.documents * classes.accuracy
    by_network = classes.groupby(keys)
    accuracy = by_network.right.sum() / by_network.documents.sum()
    sums = tensors.groupby(keys)[["remaining", "size"]].sum()
    ours = pd.DataFrame(
        {
            "test_accuracy": accuracy,
            "test_balanced_accuracy": by_network.accuracy.mean(),
            "sparsity": 1 - sums.remaining / sums["size"],
        }
    )
    ours = ours.fillna({"sparsity": 0.0}).reset_index()  # tensors has pruned levels only
    comparison.rows(f"{name}/levels", ours, keys, study.levels[cell][arm])
    predictions = study.of_arm(cell, arm, "predictions")
    p = [
        float(stats.binomtest(int(a), int(a + b)).pvalue) if a + b else 1.0
        for a, b in zip(predictions.only_dense, predictions.only_level, strict=True)
    ]
    ours = predictions[keys].assign(mcnemar_p=p)
    comparison.rows(f"{name}/predictions", ours, keys, predictions)


def documents(study: Study, comparison: Comparison, cell: str, arm: str) -> None:
    """The part of ``plots/documents`` that accuracies tell: effect, spread of seeds, the sum."""
    for row in study.read(f"plots/documents/{cell}-{arm}.csv").itertuples():
        chosen = [int(level) for level in str(row.levels).split()]
        differences = study.differences(cell, row.of, row.against, chosen)
        name = f"documents/{cell}-{arm}: {row.of} against {row.against}, {row.sparsity}"
        for column, value in {
            "seeds": len(differences),
            "effect": np.mean(differences),
            "seed_variance": np.var(differences, ddof=1) if len(differences) > 1 else math.nan,
            "standard_error": t.document_error(
                row.seed_variance,
                row.document_variance,
                row.residual_variance,
                row.seeds,
                row.documents,
            ),
        }.items():
            comparison.values(f"{name}: {column}", value, getattr(row, column))


def claims(study: Study, comparison: Comparison) -> None:
    """``contrasts``, ``claim_contrasts``, ``claims`` and ``metrics/claims.json``."""
    keys = ["cell", "test", "of", "against", "sparsity"]
    tested = verdicts.contrasts(study)
    ours = pd.DataFrame(
        {**dict(zip(keys, key, strict=True)), **row, "reason": row["finding"] == "not tested"}
        for key, row in tested.items()
    )
    theirs = statistics(study, "contrasts")
    theirs["levels"] = theirs.levels.map(lambda text: "" if pd.isna(text) else words(text))
    comparison.rows("contrasts", ours, keys, theirs)
    of_contrasts, of_claims, in_metrics = [], [], {}
    for claim in study.claims:
        both: list[dict[verdicts.Key, str]] = [{}, {}]
        for key in verdicts.keys(study, claim):
            row = tested[key]
            findings = [row["finding"], row.get("finding_with_documents")]
            alone, with_documents = (f and verdicts.in_direction(f, claim) for f in findings)
            both[0][key], both[1][key] = alone, with_documents or alone
            pairs = {"verdict": alone, "verdict_with_documents": with_documents}
            of_contrasts.append(
                {"claim": claim["id"], **dict(zip(keys, key, strict=True)), **pairs}
            )
        verdict, with_documents = (verdicts.of_claim(study, claim, each) for each in both)
        tally = {name: list(both[0].values()).count(text) for name, text in COUNTED.items()}
        in_metrics[claim["id"]] = verdict
        of_claims.append(
            {
                **{"claim": claim["id"], "sentence": claim["sentence"], "verdict": verdict},
                **{"verdict_with_documents": with_documents, **tally},
            }
        )
    theirs = statistics(study, "claim_contrasts")
    comparison.rows("claim_contrasts", pd.DataFrame(of_contrasts), ["claim", *keys], theirs)
    comparison.rows("claims", pd.DataFrame(of_claims), ["claim"], statistics(study, "claims"))
    written = json.loads((study.folder / "metrics/claims.json").read_text())["claims"]
    comparison.values("metrics/claims.json", in_metrics, written)


def words(text: Any) -> str:
    """Levels, also where pandas read all of them as one number: "1 2", "3"."""
    return str(int(text)) if isinstance(text, float) else str(text)


def metrics(study: Study, comparison: Comparison) -> None:
    """Accuracies at 50 and 90 % sparsity, and of dense and the most frequent class."""
    for cell in study.cells:
        written = json.loads((study.folder / f"metrics/{cell}.json").read_text())
        rows = study.dense(cell)
        ours = {"majority": {"test_accuracy": rows.test_majority.mean()}}
        ours["dense"] = {"test_accuracy": rows.test_accuracy.mean()}
        for arm in filter(study.levels[cell].__contains__, study.strategies):
            by_level = study.levels[cell][arm].groupby("level")[["sparsity", "test_accuracy"]]
            means = by_level.mean()
            x = -np.log(1 - means.sparsity.to_numpy())
            ours[arm] = {
                f"at_{percent}": float(np.interp(at, x, means.test_accuracy))
                for percent in (50, 90)
                if (at := -math.log(1 - percent / 100)) <= x[-1] + 1e-3
            }
        for name, values in ours.items():
            for key, value in values.items():
                comparison.values(
                    f"metrics/{cell}.json: {name}.{key}", round(value, 2), written[name][key]
                )


def main() -> None:
    comparison = compare(Path(sys.argv[1]))
    print("\n".join(comparison.disagreements))
    print(f"{comparison.compared} numbers, {len(comparison.disagreements)} disagreements")
    sys.exit(bool(comparison.disagreements))


if __name__ == "__main__":
    main()
