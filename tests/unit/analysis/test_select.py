"""The choice of the ticket sees validation only, and follows the design's rule."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT, refused
from hypothesis import given
from hypothesis import strategies as st

from lottery import metrics
from lottery.analysis import documents, fixed_sparsities
from lottery.analysis.exploratory import per_seed_tickets
from lottery.analysis.fixed_sparsities import cell_metrics
from lottery.analysis.majority import dense_row, is_unequal, why_no_ticket
from lottery.analysis.ticket_choice import (
    VALIDATION_COLUMNS,
    cell_curves,
    cell_tickets,
    choose_level,
)
from lottery.config import grid, params
from lottery.config.schema import Evaluate
from lottery.storage import csv_tables, paths
from stages import select


def table(accuracies: list[list[float]]) -> pd.DataFrame:
    """Rows of (seed, level, validation_accuracy), from one list per seed."""
    rows = [
        (seed, level, accuracy)
        for seed, levels in enumerate(accuracies)
        for level, accuracy in enumerate(levels)
    ]
    return pd.DataFrame(rows, columns=VALIDATION_COLUMNS)


@pytest.mark.parametrize(
    ("accuracies", "level"),
    [
        ([[90, 91, 90, 89.4, 95]], 2),  # a lucky level after a failure is not chosen
        ([[90, 89.5, 89.5]], 2),  # exactly the tolerance is within it
        ([[90, 89.4, 95]], None),
        ([[90, 90, 80], [80, 80, 90]], 2),  # the mean over seeds counts
        ([[90, 90, 88], [80, 80, 80]], 1),
        ([[90]], None),
    ],
)
def test_the_rule(accuracies: list[list[float]], level: int | None) -> None:
    assert choose_level(table(accuracies), 0.5) == level


@given(hundredths=st.integers(5_000, 10_000), loss=st.integers(0, 500), seeds=st.integers(1, 5))
def test_a_loss_of_exactly_the_tolerance_is_within_it(
    hundredths: int, loss: int, seeds: int
) -> None:
    """However floats round: to them, 70.01 minus 0.1 is more than 69.91."""
    accuracies = [hundredths / 100, (hundredths - loss) / 100]
    assert choose_level(table([accuracies] * seeds), loss / 100) == 1
    accuracies[1] = (hundredths - loss - 1) / 100
    assert choose_level(table([accuracies] * seeds), loss / 100) is None


@given(
    st.lists(st.integers(80, 95), min_size=2, max_size=10),
    st.floats(0, 5),
)
def test_everything_up_to_the_choice_passes(accuracies: list[int], tolerance: float) -> None:
    level = choose_level(table([list(map(float, accuracies))]), tolerance)
    floor = accuracies[0] - tolerance - 1e-6
    if level is None:
        assert accuracies[1] < floor + 1e-5
    else:
        assert all(accuracy >= floor for accuracy in accuracies[: level + 1])
        if level + 1 < len(accuracies):
            assert accuracies[level + 1] < floor + 1e-5


def test_the_choice_cannot_see_test_accuracy() -> None:
    with pytest.raises(ValueError, match="expected the columns"):
        choose_level(table([[90, 90]]).assign(test_accuracy=99.0), 0.5)


def test_a_missing_level_is_refused() -> None:
    with pytest.raises(ValueError, match="a level is missing"):
        choose_level(table([[90, 90, 90], [90, 90]]), 0.5)
    with pytest.raises(ValueError, match="a level is missing"):
        choose_level(table([[90, 90, 90]]).query("level != 1"), 0.5)


def test_the_choice_survives_the_file(tmp_path: Path) -> None:
    """A loss of exactly the tolerance is still one after the table was written and read."""
    share = 100 / 12_000
    exact = table([[9000 * share, 8941 * share], [9002 * share, 8941 * share]])
    assert choose_level(exact, 0.5) == 1
    csv_tables.write(exact, tmp_path / "levels.csv")
    assert choose_level(csv_tables.read(tmp_path / "levels.csv"), 0.5) == 1


def cell_levels(*shifts: tuple[str, float], seeds: tuple[int, ...] = (0, 1)) -> pd.DataFrame:
    """Three levels of strategies, each ``shift`` points from a dense accuracy of 80."""
    rows = [
        (strategy, seed, level, level / 4, 80 + seed + (shift if level else 0))
        for strategy, shift in shifts
        for seed in seeds
        for level in (0, 1, 2)
    ]
    levels = pd.DataFrame(rows, columns=["arm", "seed", "level", "sparsity", "test_accuracy"])
    return levels.assign(
        validation_accuracy=levels.test_accuracy + 1,
        validation_majority=50.0,
        test_majority=48.0,
        test_balanced_accuracy=levels.test_accuracy - 10,
        test_macro_f1=levels.test_accuracy - 11,
    )


def test_tickets_of_a_cell() -> None:
    levels = cell_levels(("a", 0.0), ("b", -3.0))
    tickets = cell_tickets(levels, {"a": 2, "b": None}, 0.5).set_index("arm")
    assert list(tickets.n) == [2, 2, 0]
    assert tickets["std"]["dense"] == pytest.approx(0.5**0.5)
    a = tickets.loc["a"]
    assert (a.difference, a.difference_std) == (0, 0)
    assert (a.test_balanced_accuracy, a.test_macro_f1) == (70.5, 69.5)
    assert tickets.reason["b"] == "level 1 is more than 0.5 points below dense on validation"
    assert tickets.reason.drop("b").isna().all()
    one = cell_tickets(levels[levels.seed == 0], {"b": 1}, 0.5)
    assert one[["std", "difference_std"]].isna().all(axis=None)
    none = cell_tickets(levels.iloc[:0], {"b": None}, 0.5)
    assert list(none.reason)[1] == "every seed failed"


@pytest.mark.parametrize(
    ("majority", "tolerance", "expected"),
    [(79.4, 2.0, None), (79.5, 2.0, "79.5 %"), (79.5, 1.9, None), (99.0, 0.5, "99.0 %")],
)
def test_dense_must_beat_the_most_frequent_class(
    majority: float, tolerance: float, expected: str | None
) -> None:
    """Dense is right for 81.5 % of validation on average: 2 points more is not more than 2."""
    levels = cell_levels(("a", 0.0)).assign(validation_majority=majority, test_majority=0.0)
    reason = why_no_ticket(levels, tolerance)
    curve, chosen = cell_curves(levels, ["a"], tolerance)
    if expected is None:
        assert reason is None
        assert chosen == {"a": 2}
    else:
        assert reason
        assert "right for 81.5 %" in reason
        assert expected in reason
        assert chosen == {"a": None}
        assert not curve.chosen.any()
        assert list(cell_tickets(curve, chosen, tolerance).reason)[1:] == [reason]


def test_a_seed_that_learned_nothing_has_no_ticket_of_its_own() -> None:
    levels = cell_levels(("a", 0.0)).assign(cell="a-cnn")
    levels.loc[levels.seed == 1, "validation_majority"] = 82.0
    table = per_seed_tickets({"a-cnn": levels}, 0.5)
    assert table.level.tolist()[0] == 2
    assert table.set_index("seed").loc[1, "level":].isna().all()


@pytest.mark.parametrize(
    ("test_majority", "classes", "expected"),
    [(50, 2, False), (59, 2, False), (61, 2, True), (98, 2, True), (16, 8, True), (100, 0, False)],
)
def test_classes_are_unequal(test_majority: float, classes: int, expected: bool) -> None:
    assert is_unequal(test_majority, classes) is expected


def test_metrics_of_a_cell() -> None:
    levels = cell_levels(("a", 0.0), ("b", -3.0))
    dense = dense_row(levels, 2, 0.5)
    assert dense["test_balanced_accuracy"] == 70.5
    values = fixed_sparsities.accuracies(levels, ["a", "b", "failed"])
    assert cell_metrics(dense, 71.2345, values, {"b": 1}) == {
        "majority": {"test_accuracy": 48.0},
        "linear_model": {"test_accuracy": 71.23},
        "dense": {"test_accuracy": 80.5},
        "a": {"at_50": 80.5, "at_90": None},
        "b": {"at_50": 77.5, "at_90": None, "failed_seeds": 1},
        "failed": {"at_50": None, "at_90": None},
    }
    reason = dense_row(levels.assign(validation_majority=90.0), 2, 0.5)
    assert cell_metrics(reason, None, values, {})["no_ticket"].startswith("on validation the dense")
    empty = fixed_sparsities.accuracies(levels.iloc[:0], ["a"])
    nothing = cell_metrics(dense_row(levels.iloc[:0], 0, 0.5), None, empty, {"a": 2})
    assert nothing == {
        "majority": {"test_accuracy": None},
        "linear_model": {"test_accuracy": None},
        "dense": {"test_accuracy": None},
        "a": {"at_50": None, "at_90": None, "failed_seeds": 2},
    }


def test_means_over_cells_are_of_all_of_them() -> None:
    cells = [{"a": {0.5: 80.0, 0.9: 70.0}}, {"a": {0.5: 90.0, 0.9: None}}]
    assert fixed_sparsities.overview([81.0, 92.0], cells) == {
        "dense": 86.5,
        "a": {"50": 85.0, "90": None},
    }


@given(
    st.lists(st.floats(0.05, 0.9), min_size=1, max_size=8),
    st.lists(st.floats(0, 100), min_size=9, max_size=9),
)
def test_accuracy_between_levels(rates: list[float], heights: list[float]) -> None:
    """Between those of the two levels around it, and nothing beyond the last one."""
    remaining = np.cumprod([1.0, *(1 - rate for rate in rates)])
    levels = pd.DataFrame(
        {"arm": "a", "level": range(len(remaining)), "sparsity": 1 - remaining}
    ).assign(test_accuracy=heights[: len(remaining)])
    for sparsity, value in fixed_sparsities.accuracies(levels, ["a"])["a"].items():
        if 1 - sparsity < remaining[-1] * 0.99:
            assert value is None
        elif 1 - sparsity > remaining[-1] * 1.01:
            after = int(np.argmax(remaining <= 1 - sparsity))
            around = heights[after - 1 : after + 1]
            assert value is not None
            assert min(around) - 1e-9 <= value <= max(around) + 1e-9


def test_half_way_is_half_way_on_the_logarithmic_scale() -> None:
    """Half of the weights lie half way between all and a quarter; 90 % sparse at a level itself."""
    levels = pd.DataFrame(
        {"arm": "a", "level": [0, 1, 2], "sparsity": [0, 0.75, 0.9 - 1e-6]}
    ).assign(test_accuracy=[80.0, 70.0, 60.0])
    values = fixed_sparsities.accuracies(levels, ["a"])["a"]
    assert values[0.5] == pytest.approx(75)
    assert values[0.9] == pytest.approx(60)


@given(st.integers(2, 5), st.integers(1, 30), st.integers(0, 99))
def test_scores_of_two_classes_are_those_of_two_logits(
    classes: int, documents: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(size=(documents, classes)).astype(np.float32)
    labels = random.integers(0, classes, documents)
    total = np.exp(logits.astype(float)).sum(1)
    expected = -np.log(np.exp(logits[np.arange(documents), labels].astype(float)) / total).mean()
    assert metrics.loss(logits, labels) == pytest.approx(expected)
    assert metrics.accuracy(logits, labels) == 100 * (logits.argmax(1) == labels).mean()
    if classes == 2:
        single = logits[:, 1:].astype(np.float64) - logits[:, :1]
        assert metrics.loss(single, labels) == pytest.approx(expected, rel=1e-5)
        assert metrics.accuracy(single, labels) == metrics.accuracy(logits, labels)


def test_a_logit_of_zero_is_the_first_class() -> None:
    """As with two equal logits."""
    labels = np.array([0, 0, 1])
    single = np.array([[0.0], [-1.0], [1e-6]], np.float32)
    assert metrics.predictions(single).tolist() == [0, 0, 1]
    assert metrics.predictions(np.hstack([np.zeros_like(single), single])).tolist() == [0, 0, 1]
    assert metrics.accuracy(single, labels) == 100


STUDY = """
- id: below
  sentence: A winning ticket is less accurate than the dense network.
  test: difference
  of: [winning_ticket]
  against: [dense]
  direction: below
  sparsity: [0.4, 0.6]
  combine: every_cell
"""
VALIDATION = {0: (90.0, 90.0), 1: (91.0, 90.0), 2: (89.8, 89.6), 3: (70.0, 71.0)}
"""By level, one value per seed: the ticket is level 2."""
TEST = {0: (80.0, 81.0), 1: (70.0, 72.0), 2: (75.0, 75.5), 3: (85.0, 86.0)}
"""On these accuracies there would be no ticket, since level 1 fails; level 3 is the best."""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> params.Params:
    """One cell with the tables of one pruning run and one control, in the working directory."""
    settings = params.load(ROOT / "profiles" / "smoke.yaml")
    settings = replace(
        settings,
        models={"cnn": settings.models["cnn"]},
        strategies=("winning_ticket",),
        controls=("reinit_same_mask",),
    )
    monkeypatch.chdir(tmp_path)
    paths.CLAIMS.write_text(STUDY)
    (cell,) = settings.train.keys() - {"rotten_tomatoes-lstm"}
    for name, numbers in (("winning_ticket", range(4)), ("reinit_same_mask", [1])):
        rows = [
            (name, seed, level, level / 4, VALIDATION[level][seed], TEST[level][seed])
            for seed in (0, 1)
            for level in numbers
        ]
        columns = ["arm", *VALIDATION_COLUMNS[:2], "sparsity"]
        written = pd.DataFrame(rows, columns=[*columns, "validation_accuracy", "test_accuracy"])
        written = written.assign(
            validation_majority=60.0,
            test_majority=58.0,
            test_balanced_accuracy=written.test_accuracy - 1,
            test_macro_f1=written.test_accuracy - 2,
        )
        csv_tables.write(written, paths.TABLES / f"{cell}-{name}" / "levels.csv")
        classes = pd.DataFrame({"class": [0, 1, 0, 1]})
        csv_tables.write(classes, paths.TABLES / f"{cell}-{name}" / "classes.csv")
        terms = pd.DataFrame(columns=documents.COLUMNS)
        csv_tables.write(terms, paths.documents(f"{cell}-{name}"))
    return settings


def test_the_stage_chooses_on_validation_and_reports_test(study: params.Params) -> None:
    baseline = pd.DataFrame([{"model": "tfidf", "test_accuracy": 71.25, "bytes": 1000}])
    csv_tables.write_folder(grid.baseline_folder("rotten_tomatoes"), {"baseline": baseline})
    select.run(study)
    curves = csv_tables.read(paths.curves("rotten_tomatoes-cnn"))
    assert set(curves.level[curves.chosen & (curves.arm == "winning_ticket")]) == {2}
    assert not curves.chosen[curves.arm == "reinit_same_mask"].any()
    metrics = json.loads(paths.metrics("rotten_tomatoes-cnn").read_text())
    assert metrics == {
        "majority": {"test_accuracy": 58.0},
        "linear_model": {"test_accuracy": 71.25},
        "dense": {"test_accuracy": 80.5},
        "winning_ticket": {"at_50": 75.25, "at_90": None},
    }
    assert not paths.metrics("overview").exists(), "a mean of one cell"
    (ticket,) = (
        csv_tables.read(paths.STATISTICS / "tickets.csv").query("level > 0").to_dict("records")
    )
    assert (ticket["level"], ticket["test_accuracy"]) == (2, 75.25)


def test_the_stage_chooses_each_seeds_ticket_on_validation(study: params.Params) -> None:
    select.run(study)
    chosen = csv_tables.read(paths.STATISTICS / "seed_tickets.csv")
    assert chosen[["seed", "level", "test_accuracy"]].values.tolist() == [[0, 2, 75], [1, 2, 75.5]]
    assert chosen.difference.tolist() == [-5, -5.5]


def test_the_stage_chooses_within_the_tolerance_and_not_the_margin(study: params.Params) -> None:
    """Level 2 is 0.3 points below dense on validation."""
    for tolerance, margin, level in ((0.2, 5.0, 1), (5.0, 0.2, 2)):
        select.run(replace(study, evaluate=Evaluate(tolerance, margin)))
        curves = csv_tables.read(paths.curves("rotten_tomatoes-cnn"))
        assert set(curves.level[curves.chosen]) == {level}
        by_seed = csv_tables.read(paths.STATISTICS / "seed_tickets.csv")
        assert by_seed.level.tolist() == ([2, 1] if level == 1 else [2, 2])


def test_the_stage_cannot_be_given_other_accuracies(study: params.Params) -> None:
    """Where validation accuracy is missing, no other takes its place."""
    path = paths.TABLES / "rotten_tomatoes-cnn-winning_ticket" / "levels.csv"
    table = csv_tables.read(path)
    csv_tables.write(table.assign(validation_accuracy=float("nan")), path)
    refused(lambda: select.run(study), "levels.csv", "a level is missing")
