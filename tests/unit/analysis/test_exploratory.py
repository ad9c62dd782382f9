"""Estimates without verdicts: levels, the tickets of single seeds, and predictions."""

import math

import numpy as np
import pandas as pd
import pytest
from accuracy_curves import SLEEP, SPARSITY, arm, pruning_run

from lottery.analysis import exploratory, predictions


def test_the_exploratory_estimates_of_levels() -> None:
    curve = pd.concat(
        [
            pruning_run("winning_ticket", SLEEP[:, None]),
            arm("snip", [[91.0]], levels=[1], seeds=[3]),
        ]
    )
    table = exploratory.levels({"news-cnn": curve}).set_index(["arm", "level"])
    row = table.loc["winning_ticket", 1]
    assert (row.cell, row.sparsity, row.n) == ("news-cnn", 0.4, 10)
    assert [row.accuracy, row.low, row.high] == pytest.approx([91.58, 90.7001142, 92.4598858])
    assert [row.difference, row.difference_low] == pytest.approx([1.58, 0.7001142])
    assert row.low < row.bootstrap_low < row.accuracy < row.bootstrap_high < row.high + 0.3
    control = table.loc["snip", 1]
    assert (control.n, control.accuracy, control.difference) == (1, 91, 1)
    assert math.isnan(control.low)
    few = exploratory.levels({"news-cnn": curve[curve.seed > 0]})
    assert few.bootstrap_low.isna().all()
    assert exploratory.levels({"a": curve.iloc[:0], "b": pd.DataFrame()}).empty


def test_the_ticket_of_each_seed_alone() -> None:
    curve = pd.concat(
        [
            pruning_run("winning_ticket", [[0.2, -0.4, -2, 5], [-1, 1, 1, 1]], seeds=[4, 2]),
            arm("snip", [[91.0]], levels=[1], seeds=[4]),
        ]
    )
    table = exploratory.per_seed_tickets({"a": curve, "b": curve.iloc[:0]}, 0.5)
    assert table[["seed", "level", "sparsity"]].values.tolist() == [[4, 2, 0.64], [2, 0, 0.0]]
    assert table.difference.tolist() == pytest.approx([-0.4, 0])


def test_a_seed_s_ticket_is_chosen_on_validation_and_scored_on_test() -> None:
    """On test another level would be chosen, and validation flatters the ticket."""
    curve = pruning_run("winning_ticket", [[-0.2, -3, -3, 9]])
    curve["validation_accuracy"] = [95.0, 96.0, 95.0, 94.6, 90.0]
    (row,) = exploratory.per_seed_tickets({"a": curve}, 0.5).to_dict("records")
    assert (row["level"], row["sparsity"]) == (3, SPARSITY[3])
    assert (row["test_accuracy"], row["difference"]) == (87.0, -3.0)
    curve["validation_accuracy"] = [95.0, 90.0, 95.0, 95.0, 95.0]
    (row,) = exploratory.per_seed_tickets({"a": curve}, 0.5).to_dict("records")
    assert (row["level"], row["test_accuracy"], row["difference"]) == (0, 90.0, 0.0)


def test_mcnemar_counts_documents() -> None:
    """Of six predictions that changed, one got better: p = 2 (1 + 6) / 2^6."""
    labels = np.array([1] * 6 + [0, 0])
    dense = np.array([9, 9, 9, 9, 9, -9, -9, 9], np.float32)
    level = np.array([-9, -9, -9, -9, -9, 9, -9, 9], np.float32)
    by_level, by_class = predictions.compare(np.stack([dense, level])[..., None], labels)
    assert by_level.only_dense.tolist() == [0, 5]
    assert by_level.only_level.tolist() == [0, 1]
    assert by_level.mcnemar_p.tolist() == pytest.approx([1, 14 / 64])
    assert by_class.values.tolist() == pytest.approx(
        np.array([[0, 0, 2, 50], [0, 1, 6, 500 / 6], [1, 0, 2, 50], [1, 1, 6, 100 / 6]])
    )


def test_calibration_by_hand() -> None:
    """Ten documents at 0.8, seven right; ten at 0.6, nine right: (|7 - 8| + |9 - 6|) / 20."""
    probability = np.repeat([0.8, 0.6], 10)
    labels = np.array([1] * 7 + [0] * 3 + [1] * 9 + [0])
    single = np.log(probability / (1 - probability)).astype(np.float32)[:, None]
    assert predictions.calibration_error(single, labels) == pytest.approx(20, abs=1e-4)
    two = np.hstack([np.zeros_like(single), single])
    assert predictions.calibration_error(two, labels) == pytest.approx(20, abs=1e-4)
    certain = np.array([[900.0, -900, 0]], np.float32)
    assert predictions.calibration_error(certain, np.array([0])) == 0


def test_a_bin_of_confidences_holds_its_upper_bound_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 15 bins one runs from 8/15 to 9/15: 0.6 is in it, with 0.55."""
    monkeypatch.setattr(predictions, "confidences", lambda logits: np.array([0.6, 0.55]))
    logits = np.array([[2.0, 0.0], [2.0, 0.0]])
    error = predictions.calibration_error(logits, np.array([0, 1]))
    assert error == pytest.approx(100 * abs((1 - 0.6) + (0 - 0.55)) / 2)
