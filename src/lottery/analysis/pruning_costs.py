"""What else pruning costs than accuracy: the ticket beside the dense network.

Exploratory: no verdict is based on it. Level 0 is the dense network.
"""

import numpy as np
import pandas as pd

from lottery import metrics
from lottery.analysis.tidy import DENSE

TICKET = "ticket"
SCORES = ["network", "n", "accuracy", "balanced_accuracy", "macro_f1", "calibration_error"]
CLASSES = ["class", "documents", "dense", "ticket", "difference"]
DISAGREEMENTS = [
    *("document", "class", "dense_class", "dense_probability"),
    *("ticket_class", "ticket_probability"),
]
_COUNT = 10
"""Documents in the table of disagreements."""


def scores(levels: pd.DataFrame, predictions: pd.DataFrame, level: int) -> pd.DataFrame:
    """A row for the dense network and one for the ticket, which is ``level``; only the first if
    that is 0. The columns are :data:`SCORES`, in percent: means over ``n`` seeds, on test.

    ``levels`` and ``predictions`` are the tables of one arm (:mod:`lottery.analysis.tidy`).
    """
    rows = []
    for name, number in {DENSE: 0, TICKET: level}.items():
        if name == TICKET and not level:
            continue
        of_level = levels[levels.level == number]
        calibration = predictions[predictions.level == number].calibration_error
        means = (of_level[f"test_{score}"].mean() for score in SCORES[2:5])
        rows.append((name, len(of_level), *means, calibration.mean()))
    return pd.DataFrame(rows, columns=SCORES)


def by_class(classes: pd.DataFrame, level: int) -> pd.DataFrame:
    """The accuracy in percent of each class, a mean over seeds, and the difference in points; the
    class that loses most comes first. No rows if ``level`` is 0.

    ``classes`` is that table of one arm (:mod:`lottery.analysis.tidy`).
    """
    means = classes.pivot_table(index=["class", "documents"], columns="level", values="accuracy")
    if not level or means.empty:
        return pd.DataFrame(columns=CLASSES)
    table = means[[0, level]].set_axis(["dense", "ticket"], axis=1).reset_index()
    table["difference"] = table.ticket - table.dense
    return table.sort_values("difference", kind="stable", ignore_index=True)[CLASSES]


def disagreements(dense: np.ndarray, ticket: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """The documents whose predicted class differs, at most ten: those where the probability of the
    dense network's answer falls most.

    ``dense`` and ``ticket`` are logits float32 ``[documents, outputs]`` of one seed, ``labels`` int
    ``[documents]``. The columns are :data:`DISAGREEMENTS`: the document's number from 0 in
    ``labels``, its class, and each network's answer with its probability.
    """
    before, after = metrics.probabilities(dense), metrics.probabilities(ticket)
    answers = before.argmax(1), after.argmax(1)
    rows = np.arange(len(labels))
    falls = before[rows, answers[0]] - after[rows, answers[0]]
    chosen = np.flatnonzero(answers[0] != answers[1])
    chosen = chosen[np.argsort(-falls[chosen], kind="stable")][:_COUNT]
    table = pd.DataFrame({"document": chosen, "class": labels[chosen]})
    for name, values, answer in zip((DENSE, TICKET), (before, after), answers, strict=True):
        table[f"{name}_class"] = answer[chosen]
        table[f"{name}_probability"] = values[chosen, answer[chosen]].round(4)
    return table[DISAGREEMENTS]
