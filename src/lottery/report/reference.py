"""The 2020 study's published curves, which the page draws in gray behind ours."""

import json
from pathlib import Path

import pandas as pd

PUBLISHED = Path(__file__).with_name("seed_study.json")
ARMS = {
    "lt": "winning ticket",
    "random": "random re-initialization",
    "lr_f": "rewound to the first epoch",
    "lr_l": "rewound to the last epoch",
}
"""The study's arms by our names. Its late rewinding used the first or the last dense epoch."""


def curves() -> pd.DataFrame:
    """The test accuracies of Hong 2020, *Lottery Ticket Hypothesis for Text Classification*.

    Columns: cell (``<corpus>-<model>``), arm (a key of :data:`ARMS`), level, remaining (percent of
    weights; a level removes 20 % of those that remain), test_accuracy (percent; one trial).
    """
    study = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    density = 1 - study["rate"]
    rows = [
        (cell, arm, level, 100 * density**level, accuracy)
        for cell, arms in study["curves"].items()
        for arm, accuracies in arms.items()
        for level, accuracy in enumerate(accuracies)
    ]
    return pd.DataFrame(rows, columns=["cell", "arm", "level", "remaining", "test_accuracy"])
