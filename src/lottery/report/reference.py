"""The 2020 study's published curves, to be drawn behind ours in grey."""

import json
from pathlib import Path

import pandas as pd

PUBLISHED = Path(__file__).with_name("seed_study.json")
# Its arms in our words. Late rewinding there went back to the first or the last dense epoch.
ARMS = {
    "lt": "winning ticket",
    "random": "random re-initialisation",
    "lr_f": "rewound to the first epoch",
    "lr_l": "rewound to the last epoch",
}


def curves() -> pd.DataFrame:
    """The figures of Hong 2020, *Lottery Ticket Hypothesis for Text Classification*.

    Columns: cell (``<corpus>-<model>``), arm (lt, random, lr_f, lr_l), level, remaining (percent of
    weights; a level removes 20 % of the rest), test_accuracy (percent; one trial).
    """
    study = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    kept = 1 - study["rate"]
    rows = [
        (cell, arm, level, 100 * kept**level, accuracy)
        for cell, arms in study["curves"].items()
        for arm, accuracies in arms.items()
        for level, accuracy in enumerate(accuracies)
    ]
    return pd.DataFrame(rows, columns=["cell", "arm", "level", "remaining", "test_accuracy"])
