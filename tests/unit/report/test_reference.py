"""The 2020 study's tables beside ours."""

from dataclasses import replace

import pandas as pd
import pytest
from helpers import ROOT

from lottery.config import params
from lottery.report import reference

FULL = params.load(ROOT / "profiles" / "full.yaml")
CELL = "ag_news-cnn"


def tickets(**arms: float | None) -> pd.DataFrame:
    """The dense network, and each arm's ticket at 80 % sparsity (None: it has none)."""
    rows = [(CELL, "dense", 0.0, 8, 89.0, None)]
    for arm, accuracy in arms.items():
        reason = "level 1 fails" if accuracy is None else None
        rows.append((CELL, arm, 0.8 if accuracy else float("nan"), 8, accuracy, reason))
    return pd.DataFrame(
        rows, columns=["cell", "arm", "sparsity", "n", "test_accuracy", "reason"]
    ).astype({"test_accuracy": float})


def levels(arm: str) -> pd.DataFrame:
    """A pruning run of twenty levels of 20 %, whose level n has accuracy 89 - n."""
    rows = [(CELL, arm, level, 1 - 0.8**level, 89.0 - level) for level in range(21)]
    return pd.DataFrame(rows, columns=["cell", "arm", "level", "sparsity", "accuracy"])


def test_a_row_beside_the_published_one() -> None:
    table = reference.headline(FULL, tickets(winning_ticket=88.6), levels("winning_ticket"), {})
    row = table[table.cell == CELL].iloc[0]
    assert row.tolist()[:8] == [CELL, "winning_ticket", 89.18, 89.56, 0.893, 89.0, 88.6, 0.8]
    assert row.at_published_sparsity == 79.0, "level 10, 89.3 % sparse"
    assert row.seeds == 8


def test_what_differs_is_read_from_the_parameters() -> None:
    """At the profile ``full`` only what the study's code did otherwise; then each key by name."""
    at_full = reference.headline(FULL, tickets(winning_ticket=88.6), levels("winning_ticket"), {})
    assert len(at_full) == 8
    assert set(at_full.differences.str.count("2020:")) == {3}, "choice, seeds, batches"
    model = replace(FULL.models["cnn"], embedding_std=0.1)
    changed = replace(FULL, models={**FULL.models, "cnn": model}, seeds=(1,))
    report = {"splits": {name: {"documents": 1000} for name in ("train", "validation", "test")}}
    table = reference.headline(
        changed, tickets(winning_ticket=88.6), levels("winning_ticket"), {"ag_news": report}
    )
    text = table[table.cell == CELL].differences.iloc[0]
    for phrase in (
        "model.embedding_std: 0.1 (2020: 1.0)",
        "1 seed (2020: one trial)",
        "1,000 train, 1,000 validation, 1,000 test (2020: 84,000 train, 36,000 validation, 7,600",
    ):
        assert phrase in text


@pytest.mark.parametrize(
    ("arms", "arm", "no_ticket", "said"),
    [
        ({"last_epoch_rewinding": 88.0, "late_rewinding": 87.0}, "last_epoch_rewinding", None, ""),
        ({"late_rewinding": None}, "late_rewinding", "level 1 fails", "rewound to epoch 1 (2020:"),
        ({}, "last_epoch_rewinding", "not run", ""),
    ],
)
def test_the_arm_beside_late_rewinding(
    arms: dict[str, float | None], arm: str, no_ticket: str | None, said: str
) -> None:
    """Published as late rewinding in this cell is the weights of the last epoch."""
    table = reference.headline(FULL, tickets(**arms), levels(arm), {})
    row = table[table.cell == CELL].iloc[1]
    assert row.arm == arm
    assert (row.no_ticket if no_ticket else None) == no_ticket
    assert ("rewound to epoch" in row.differences) == bool(said)
    assert said in row.differences


def test_published_tickets_are_on_the_published_curves() -> None:
    """All but one are the best of twenty levels, at that level's sparsity."""
    curves, best = reference.curves(), []
    for cell, rows in reference._study()["headline"].items():
        for arm, (dense, ticket, sparsity) in rows.items():
            curve = curves[(curves.cell == cell) & (curves.arm == arm) & (curves.level > 0)]
            top = curve.loc[curve.test_accuracy.idxmax()]
            if round(top.test_accuracy, 2) == ticket:
                assert round(1 - top.remaining / 100, 3) == pytest.approx(sparsity, abs=6e-4)
                best.append((cell, arm))
            assert 85 < dense < 93
    assert len(best) == 7
