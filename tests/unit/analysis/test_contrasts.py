"""What each contrast shows: cases worked by hand or by plain SciPy, and what holds for any run."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from accuracy_curves import SLEEP, SPARSITY, arm, claim, pruning_run
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lottery.analysis import exploratory
from lottery.analysis.claims import Claim
from lottery.analysis.contrasts import COLUMNS, KEYS, contrasts, needed
from lottery.analysis.level_range import LevelRange

WOBBLE = np.array([[-0.1], [0.0], [0.1]])


def measured(
    *claims: Claim, margin: float = 0.5, documents: pd.DataFrame | None = None, **cells: Any
) -> pd.DataFrame:
    """The table of contrasts; the embedding of an LSTM has a standard deviation of 1."""
    curves = {name.replace("_", "-"): curve for name, curve in cells.items()}
    embedding_std = {name: 1.0 if name.endswith("lstm") else 0.1 for name in curves}
    return contrasts(needed(claims, embedding_std), curves, margin, 0.5, {}, documents)


def only(*claims: Claim, **cells: Any) -> Any:
    table = measured(*claims, **cells)
    assert len(table) == 1
    return table.iloc[0]


def of_sleep(shift: float = 0.0, scale: float = 1.0) -> pd.DataFrame:
    return pruning_run("winning_ticket", (shift + scale * SLEEP)[:, None])


def test_a_difference() -> None:
    row = only(claim(), news_cnn=of_sleep())
    assert (row.n, row.levels, row.of, row.against) == (10, "1", "winning_ticket", "dense")
    assert [row.effect, row.low, row.high] == pytest.approx([1.58, 0.7001142, 2.4598858])
    assert row.p == row.p_corrected == pytest.approx(0.002833, abs=5e-7)
    assert row.finding == "above"


def test_a_handful_by_plain_scipy() -> None:
    """Three cells and two claims, with one line of SciPy for each number."""
    random = np.random.default_rng(4)
    data = {f"c{n}_cnn": random.normal(mean, 0.3, (8, 2)) for n, mean in enumerate((0.9, 0, -2))}
    table = measured(
        claim(sparsity=(0.3, 0.7)),
        claim(id="match", test="matching", sparsity=None, sparsity_at_least=0.36),
        **{name: pruning_run("winning_ticket", values) for name, values in data.items()},
    ).set_index(["cell", "test"])
    assert len(table) == 6
    for name, values in data.items():
        cell = name.replace("_", "-")
        difference, match = table.loc[cell, "difference"], table.loc[cell, "matching"]
        means = values.mean(axis=1)
        result = stats.ttest_1samp(means, 0)
        assert difference.effect == pytest.approx(means.mean())
        assert difference.standard_error == pytest.approx(stats.sem(means))
        assert (difference.low, difference.high) == pytest.approx(result.confidence_interval())
        assert difference.p == pytest.approx(result.pvalue)
        assert difference.p_corrected == pytest.approx(min(1, 6 * result.pvalue))
        within = max(
            stats.ttest_1samp(means, 0.5, alternative="less").pvalue,
            stats.ttest_1samp(means, -0.5, alternative="greater").pvalue,
        )
        assert difference.p_equivalence == pytest.approx(within)
        is_within = difference.finding.startswith(("no ", "a "))
        confidence = 1 - (2 if is_within else 1) * 0.05 / 6
        assert (difference.family_low, difference.family_high) == pytest.approx(
            result.confidence_interval(confidence)
        )
        against_margin = stats.ttest_1samp(values[:, 0], -0.5)
        assert match.levels == "1"
        assert match.p == pytest.approx(against_margin.pvalue)
        assert math.isnan(match.p_equivalence)
        alone = stats.t.isf(0.05 / 12, 7) + stats.t.isf(0.2, 7)  # an approximation of the power
        assert match.minimum_detectable_effect == pytest.approx(
            alone * stats.sem(values[:, 0]), rel=0.05
        )
    assert list(table.finding[:, "matching"]) == ["above", "above", "below"]
    assert list(table.finding[:, "difference"][["c0-cnn", "c2-cnn"]]) == ["above", "below"]


@pytest.mark.parametrize(
    ("shift", "scale", "finding"),
    [
        (0.0, 1.0, "above"),
        (-3.16, 1.0, "below"),
        (-1.58, 1.0, "undecided"),
        (-0.158, 0.1, "no difference beyond the margin"),
        (0.142, 0.1, "a difference smaller than the margin"),
        (-0.458, 0.1, "a difference smaller than the margin"),
        (0.5, 0.1, "above"),
    ],
)
def test_what_a_difference_shows(shift: float, scale: float, finding: str) -> None:
    """The ten differences have a mean of 1.58 and a standard error of 0.39."""
    row = only(claim(), a_cnn=of_sleep(shift, scale))
    assert row.finding == finding
    values = shift + scale * SLEEP
    assert row.effect == pytest.approx(values.mean())
    differs = stats.ttest_1samp(values, 0).pvalue < 0.05
    ends = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    is_within = ends.low > -0.5 and ends.high < 0.5
    assert is_within == finding.endswith("the margin")
    assert differs == (finding in ("above", "below", "a difference smaller than the margin"))


def test_no_worse_than_the_margin() -> None:
    """With two degrees of freedom t has a closed form: p = 1 - t / sqrt(t^2 + 2), two-sided."""
    t = 0.5 / (0.1 / math.sqrt(3))
    row = only(claim(test="matching"), a_cnn=pruning_run("winning_ticket", WOBBLE))
    assert row.p == pytest.approx(1 - t / math.sqrt(t * t + 2))
    assert row.finding == "above"


@pytest.mark.parametrize(("loss", "finding"), [(-0.7, "undecided"), (-2.0, "below")])
def test_a_match_is_worse_only_below_the_margin(loss: float, finding: str) -> None:
    row = only(claim(test="matching"), a_cnn=pruning_run("winning_ticket", loss + WOBBLE))
    assert row.p == pytest.approx(float(stats.ttest_1samp(loss + WOBBLE, -0.5).pvalue.item()))
    assert row.finding == finding
    assert (finding == "below") == (row.high < -0.5)


def test_every_contrast_counts_once() -> None:
    """Two claims need the same test, a third one cell of it: K is 3, for three cells."""
    claims = (claim(), claim(id="too", direction="below"), claim(id="s", embedding_std_at_most=0.2))
    table = measured(*claims, a_cnn=of_sleep(), b_cnn=of_sleep(), b_lstm=of_sleep())
    assert table.cell.tolist() == ["a-cnn", "b-cnn", "b-lstm"]
    assert table.p_corrected.tolist() == pytest.approx(3 * table.p)
    assert not table.duplicated(KEYS).any()
    alone = only(claim(), a_cnn=of_sleep())
    assert (table.minimum_detectable_effect > alone.minimum_detectable_effect).all()


def test_what_was_not_run_does_not_count() -> None:
    """But a contrast without a p does: the results do not decide how many there are."""
    flat = pruning_run("winning_ticket", [[1.0], [1.0]])
    table = measured(claim(), claim(id="no", against=("snip",)), a_cnn=of_sleep(), b_cnn=flat)
    assert table.finding.tolist() == ["above", "undecided", "not tested", "not tested"]
    assert table.p_corrected[0] == pytest.approx(2 * table.p[0])


@pytest.mark.parametrize(
    ("sparsity", "levels"),
    [((0.4, 0.64), "1 2"), ((0.41, 0.63), ""), ((0.64, 0.64), "2"), ((0.0, 0.4), "1")],
)
def test_a_claims_range_holds_both_its_ends(sparsity: tuple[float, float], levels: str) -> None:
    """And never the dense network, whose sparsity is 0."""
    curve = pruning_run("winning_ticket", [[1.0, 2.0, 3.0], [2.0, 2.5, 3.0]])
    assert only(claim(sparsity=sparsity), a_cnn=curve).levels == levels


TWENTY = [1 - 0.8**level for level in range(1, 21)]
"""Twenty levels of 20 %: 0.2, 0.36, 0.488, ..."""


@pytest.mark.parametrize(
    ("sparsities", "levels", "chosen"),
    [
        (TWENTY, LevelRange("at_least", 0.36), [2]),
        ([0.2, 0.359996, 0.488], LevelRange("at_least", 0.36), [2]),  # of whole weights
        ([0.2, 0.359, 0.488], LevelRange("at_least", 0.36), [3]),
        ([0.65, 0.88], LevelRange("at_least", 0.36), [1]),
        ([0.2, 0.3], LevelRange("at_least", 0.36), []),
        (TWENTY, LevelRange("nearest", 0.8), [7]),  # 79.0 %
        ([0.65, 0.88], LevelRange("nearest", 0.8), []),
        ([0.5, 0.75], LevelRange("nearest", 0.8), []),
        ([0.7799], LevelRange("nearest", 0.8), [1]),
        ([0.7794], LevelRange("nearest", 0.8), []),
        ([0.82, 0.9], LevelRange("nearest", 0.8), [1]),
        ([], LevelRange("nearest", 0.8), []),
        (TWENTY, LevelRange("range", 0.5, 0.9), [4, 5, 6, 7, 8, 9, 10]),
    ],
)
def test_which_levels(sparsities: list[float], levels: LevelRange, chosen: list[int]) -> None:
    by_level = pd.Series(sparsities, range(1, len(sparsities) + 1), dtype=float)
    assert levels.choose(by_level) == chosen
    assert levels.choose(by_level[::-1]) == chosen


def test_the_level_of_a_match() -> None:
    """One level is tested, whatever the levels after it say."""
    curve = pruning_run("winning_ticket", WOBBLE + np.array([0.0, -3.0, 0.0, 0.0]))
    first = claim(test="matching", sparsity=None, sparsity_at_least=0.36)
    near = claim(test="matching", sparsity=None, sparsity_nearest=0.8)
    table = measured(first, near, a_cnn=curve)
    assert table.sparsity.tolist() == ["first from 0.36", "nearest 0.8"]
    assert table.levels.tolist() == ["1", "3"]
    far = measured(near, a_cnn=pruning_run("winning_ticket", WOBBLE + np.zeros(2)))
    assert far.finding.tolist() == ["not tested"]


@pytest.mark.parametrize(("limit", "n"), [(0.1, [2]), (0.09, []), (0.11, [2])])
def test_embedding_std_at_most_includes_its_limit(limit: float, n: list[int]) -> None:
    """The CNN's is 0.1."""
    curve = pruning_run("winning_ticket", [[1.0], [2.0]])
    assert measured(claim(embedding_std_at_most=limit), a_cnn=curve).n.tolist() == n


def test_the_mean_over_the_levels_and_seeds_that_both_have() -> None:
    """A control has some levels only, and one seed less."""
    losses = [[0, 3, 1.0, 2, 0], [0, 4, 2.0, 3, 0], [0, 5, 3.5, 4, 0]]
    curve = pd.concat(
        [
            pruning_run("winning_ticket", losses),
            arm("snip", [[90, 90], [90, 90]], levels=[2, 4], seeds=[2, 0]),
        ]
    )
    row = only(claim(against=("snip",), sparsity=(0.5, 0.9)), a_cnn=curve)
    assert (row.levels, row.n, row.effect) == ("2 4", 2, 3.5)  # (3 + 2) / 2 and (5 + 4) / 2


def test_each_arm_of_a_claim_has_its_own_contrast() -> None:
    """With its own effect and interval."""
    losses = {"winning_ticket": -1.0, "late_rewinding": -3.0}
    curve = pd.concat(pruning_run(name, loss + WOBBLE) for name, loss in losses.items())
    table = measured(claim(of=tuple(losses), direction="below"), a_cnn=curve)
    assert table.of.tolist() == list(losses)
    assert table.effect.tolist() == pytest.approx([-1, -3])
    assert (table.high - table.effect).tolist() == pytest.approx([0.248414] * 2, abs=1e-5)


def test_tickets_are_compared_by_log2_of_what_remains() -> None:
    """One cell's seeds stop at levels 1, 2, 2, 2, the other's at 3, 3, 4: Welch's test."""
    early = pruning_run("winning_ticket", [[0, -2, -2, -2], *[[0, 0, -2, -2]] * 3])
    late = pruning_run("winning_ticket", [[0, 0, 0, -2], [0, 0, 0, -2], [0, 0, 0, 0]])
    row = only(claim(test="ticket", combine="any"), a_cnn=early, b_cnn=late)
    log_remaining = np.log2(1 - np.array(SPARSITY))
    expected = stats.ttest_ind(
        log_remaining[[1, 2, 2, 2]], log_remaining[[3, 3, 4]], equal_var=False
    )
    assert row.cell == "a-cnn vs b-cnn"
    assert row.effect == pytest.approx(
        log_remaining[[1, 2, 2, 2]].mean() - log_remaining[[3, 3, 4]].mean()
    )
    assert row.p == pytest.approx(expected.pvalue)
    assert (row.low, row.high) == pytest.approx(expected.confidence_interval())
    assert (row.n, row.finding) == (3, "above")
    assert np.isnan([row.margin, row.p_equivalence]).all()
    assert measured(claim(test="ticket", combine="any"), a_cnn=early).empty
    three = measured(claim(test="ticket", combine="any"), a_cnn=early, b_cnn=late, c_cnn=late)
    assert len(three) == 3


def test_tickets_are_compared_by_their_level_on_validation() -> None:
    """On test accuracy both cells would have the same ticket."""
    curves = {}
    for cell, last in (("a_cnn", 1), ("b_cnn", 4)):
        curve = pruning_run("winning_ticket", [[0.0] * 4] * 3)
        curve["validation_accuracy"] = 90.0 - 5 * (curve.level > last)
        curve.loc[(curve.seed == 0) & (curve.level == last), "validation_accuracy"] = 80.0
        curves[cell] = curve
    row = only(claim(test="ticket"), **curves)
    differences = [
        math.log2((1 - SPARSITY[one]) / (1 - SPARSITY[other]))
        for one, other in ((0, 3), (1, 4), (1, 4))
    ]
    assert row.effect == pytest.approx(np.mean(differences))


def test_seeds_without_a_spread_prove_nothing() -> None:
    """Two seeds that happen to get equally many documents right would otherwise be certain."""
    row = only(claim(), a_cnn=pruning_run("winning_ticket", [[1.0], [1.0]]))
    assert (row.n, row.effect, row.finding) == (2, 1, "undecided")
    numbers = ["low", "family_high", "p", "p_corrected", "p_equivalence"]
    assert row[[*numbers, "minimum_detectable_effect"]].isna().all()


def test_what_was_not_run_is_not_tested() -> None:
    small = of_sleep()
    for other in (claim(against=("snip",)), claim(sparsity=(0.95, 1.0))):
        row = only(other, a_cnn=small)
        assert (row.finding, row.n, row.levels) == ("not tested", 0, "")
        assert row.reason in (
            "snip was not run",
            "both arms have no level of this sparsity: 0.95 to 1",
        )
    empty = measured(claim(), claim(test="ticket"), a_cnn=small.iloc[:0], b_cnn=pd.DataFrame())
    assert empty.finding.tolist() == ["not tested"] * 3
    apart = [
        pruning_run("winning_ticket", [[1.0]] * 2),
        arm("snip", [[90.0]], levels=[1], seeds=[7]),
    ]
    row = only(claim(against=("snip",)), a_cnn=pd.concat(apart))
    assert (row.finding, row.n) == ("undecided", 0)
    assert list(contrasts([], {}, 0.5, 0.5, {}).columns) == COLUMNS


def test_a_finding_that_the_documents_change() -> None:
    """Twice the standard error: 1.58 is then 2.03 of them, and p is 0.073."""
    keys = {"cell": "a-cnn", "of": "winning_ticket", "against": "dense", "sparsity": "0.3 to 0.5"}
    error = float(stats.sem(SLEEP))
    row = only(
        claim(), a_cnn=of_sleep(), documents=pd.DataFrame([{**keys, "standard_error": 2 * error}])
    )
    assert (row.finding, row.finding_with_documents) == ("above", "undecided")
    assert row.p == pytest.approx(0.002833, abs=5e-7)
    same = only(
        claim(), a_cnn=of_sleep(), documents=pd.DataFrame([{**keys, "standard_error": error}])
    )
    assert (same.finding, same.finding_with_documents) == ("above", "above")
    other = pd.DataFrame([{**keys, "cell": "b-cnn", "standard_error": error}])
    assert pd.isna(only(claim(), a_cnn=of_sleep(), documents=other).finding_with_documents)


accuracies = st.lists(st.integers(-60, 60).map(lambda n: n / 20), min_size=1, max_size=6)
cells = st.lists(accuracies, min_size=1, max_size=4)


def curves_of(values: list[list[float]], sign: int = 1) -> dict[str, pd.DataFrame]:
    return {
        f"c{number}_cnn": pruning_run("winning_ticket", sign * np.array(differences)[:, None])
        for number, differences in enumerate(values)
    }


@settings(max_examples=30, deadline=None)
@given(cells)
def test_the_finding_agrees_with_its_interval(values: list[list[float]]) -> None:
    table = measured(claim(), claim(id="match", test="matching"), **curves_of(values))
    null = np.where(table.test == "matching", -0.5, 0.0)
    for finding, holds in (
        ("above", table.family_low > null),
        ("below", table.family_high < null),
        ("no difference beyond the margin", (table.family_low > -0.5) & (table.family_high < 0.5)),
    ):
        assert holds[table.finding == finding].all()
    open_ones = table[(table.finding == "undecided") & table.p.notna()]
    assert (open_ones.p_corrected >= 0.05).all()
    assert set(table.finding[table.n < 2]) <= {"undecided"}


@settings(max_examples=30, deadline=None)
@given(cells)
def test_the_finding_is_symmetric_in_sign(values: list[list[float]]) -> None:
    mirrored = {"above": "below", "below": "above"}
    table = measured(claim(), **curves_of(values))
    turned = measured(claim(), **curves_of(values, -1))
    assert turned.finding.tolist() == [mirrored.get(one, one) for one in table.finding]
    assert turned.effect.tolist() == pytest.approx((-table.effect).tolist())
    assert turned.high.tolist() == pytest.approx((-table.low).tolist(), nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(cells)
def test_a_larger_standard_error_never_shows_more(values: list[list[float]]) -> None:
    """With the documents' part of it."""
    alone = measured(claim(), **curves_of(values))
    rank = {
        "undecided": [],
        "above": ["undecided"],
        "below": ["undecided"],
        "no difference beyond the margin": ["undecided"],
        "a difference smaller than the margin": [
            *("undecided", "above", "below", "no difference beyond the margin"),
        ],
    }
    errors = alone.assign(standard_error=1.3 * alone.standard_error)
    table = measured(claim(), documents=errors, **curves_of(values))
    for row in table.dropna(subset="finding_with_documents").itertuples():
        assert row.finding_with_documents in [row.finding, *rank[row.finding]]


@settings(max_examples=30, deadline=None)
@given(accuracies, st.randoms())
def test_the_order_of_seeds_does_not_matter(values: list[float], random: Any) -> None:
    curve = pruning_run("winning_ticket", np.array(values)[:, None])
    order = list(range(len(curve)))
    random.shuffle(order)
    claims = (claim(), claim(id="match", test="matching"))
    pd.testing.assert_frame_equal(
        measured(*claims, a_cnn=curve), measured(*claims, a_cnn=curve.iloc[order])
    )
    pd.testing.assert_frame_equal(
        exploratory.levels({"a": curve}).sort_values("level", ignore_index=True),
        exploratory.levels({"a": curve.iloc[order]}).sort_values("level", ignore_index=True),
    )


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.01, 0.4), min_size=1, max_size=12))
def test_nearest_is_the_nearest_of_all_or_none(rates: list[float]) -> None:
    """None if it is over two points away, to a tenth of a point."""
    sparsity = pd.Series(1 - np.cumprod(1 - np.array(rates)), range(1, len(rates) + 1))
    distance = (sparsity - 0.8).abs()
    chosen = LevelRange("nearest", 0.8).choose(sparsity)
    if chosen:
        assert distance[chosen[0]] <= min(distance.min() + 0.001, 0.021)
    else:
        assert distance.min() > 0.019
