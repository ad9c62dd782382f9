"""The statistics against textbook values, cases worked by hand, and what holds for any run."""

import gc
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lottery.analysis import exploratory, paired_tests, predictions
from lottery.analysis.claims import Claim, combined, load, verdicts
from lottery.analysis.contrasts import COLUMNS, contrasts
from lottery.errors import LotteryError

SPARSITY = [0.0, 0.4, 0.64, 0.784, 0.87, 0.922]
SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
"""Student 1908: hours of sleep that one drug gave beyond another, of the same ten patients."""


@pytest.fixture(autouse=True, scope="module")
def few_to_collect() -> Iterator[None]:
    """statsmodels collects garbage at each correction: a quarter of a second with all of SciPy."""
    gc.freeze()
    yield
    gc.unfreeze()


def arm(
    strategy: str, accuracy: Any, levels: list[int] | None = None, seeds: list[int] | None = None
) -> pd.DataFrame:
    """Rows as in plots/curves, from accuracies by seed and level; the same on validation."""
    values = np.asarray(accuracy, float)
    rows = [
        (strategy, seed, level, SPARSITY[level], value, value)
        for seed, row in zip(seeds or range(len(values)), values, strict=True)
        for level, value in zip(levels or range(values.shape[1]), row, strict=True)
    ]
    names = ["arm", "seed", "level", "sparsity", "validation_accuracy", "test_accuracy"]
    by_class = dict.fromkeys(["test_balanced_accuracy", "test_macro_f1"], 70.0)
    return pd.DataFrame(rows, columns=names).assign(validation_majority=50.0, **by_class)


def pruning_run(strategy: str, losses: Any, seeds: list[int] | None = None) -> pd.DataFrame:
    """A pruning run from its differences to a dense accuracy of 90, by seed and level from 1 on."""
    values = np.asarray(losses, float)
    return arm(strategy, 90 + np.hstack([np.zeros((len(values), 1)), values]), seeds=seeds)


def claim(**changes: Any) -> Claim:
    keys = {
        **{"id": "it", "sentence": "So it is.", "test": "difference", "combine": "every_cell"},
        **{"of": ("winning_ticket",), "against": ("dense",), "sparsity": (0.3, 0.5)},
        **changes,
    }
    if keys["test"] == "ticket":
        keys |= {"sparsity": None, "against": keys["of"], "direction": "different"}
    return Claim(**keys)


def judged(*claims: Claim, margin: float = 0.5, **cells: pd.DataFrame) -> pd.DataFrame:
    curves = {name.replace("_", "-"): curve for name, curve in cells.items()}
    embedding_std = {name: 1.0 if name.endswith("lstm") else 0.1 for name in curves}
    return contrasts(claims, curves, embedding_std, margin, 0.5, {})


def only(*claims: Claim, margin: float = 0.5, **cells: pd.DataFrame) -> Any:
    table = judged(*claims, margin=margin, **cells)
    assert len(table) == 1
    return table.iloc[0]


def test_the_t_test_and_its_interval_are_student_s() -> None:
    """R's t.test(sleep, paired): t = 4.0621, df = 9, p-value = 0.002833, 0.7001142 2.4598858."""
    row = only(claim(), news_cnn=pruning_run("winning_ticket", SLEEP[:, None]))
    assert (row.n, row.levels, row.contrast) == (10, "1", "winning_ticket - dense")
    assert [row.effect, row.low, row.high] == pytest.approx([1.58, 0.7001142, 2.4598858])
    assert row.p == row.p_holm == pytest.approx(0.002833, abs=5e-7)
    assert row.verdict == "supported"


def test_no_worse_than_the_margin() -> None:
    """With two degrees of freedom t has a closed form: p = 1/2 - t / (2 sqrt(t^2 + 2))."""
    t = 0.5 / (0.1 / math.sqrt(3))
    by_hand = 0.5 - t / (2 * math.sqrt(t * t + 2))
    row = only(claim(test="matching"), a_cnn=pruning_run("winning_ticket", [[-0.1], [0.0], [0.1]]))
    assert row.p == pytest.approx(by_hand)
    assert (row.verdict, row.sparsest) == ("supported", pytest.approx(0.4))


def test_a_match_is_followed_down_to_its_first_failure() -> None:
    wobble = np.array([[-0.1], [0.0], [0.1]])
    losses = wobble + np.array([0.0, 0.0, -0.5, 0.0])  # at the margin it fails; then it recovers
    row = only(
        claim(test="matching", sparsity=(0.3, 1.0)), a_cnn=pruning_run("winning_ticket", losses)
    )
    assert (row.levels, row.sparsest, row.verdict) == ("1", 0.64, "supported")
    first = only(
        claim(test="matching", sparsity=(0.7, 1.0)), a_cnn=pruning_run("winning_ticket", losses)
    )
    assert (first.levels, first.verdict) == ("3", "undecided")
    assert math.isnan(first.sparsest)


def test_a_match_is_contradicted_only_below_the_margin() -> None:
    wobble = np.array([[-0.1], [0.0], [0.1]])
    for loss, verdict in ((-0.7, "undecided"), (-2.0, "contradicted")):
        row = only(claim(test="matching"), a_cnn=pruning_run("winning_ticket", loss + wobble))
        worse = stats.ttest_1samp(loss + wobble, -0.5, alternative="less").pvalue
        assert row.p_worse == pytest.approx(min(1.0, 2 * float(worse.item())))
        assert row.verdict == verdict
        assert verdict == "undecided" or row.high < -0.5


def test_the_p_of_being_worse_is_corrected_for_all_tests() -> None:
    losses = np.array([[-0.7], [-0.8], [-0.9]])
    alone = only(claim(test="matching"), a_cnn=pruning_run("winning_ticket", losses))
    cells = {f"c{number}_cnn": pruning_run("winning_ticket", losses) for number in range(3)}
    together = judged(claim(test="matching"), **cells)
    assert together.p_worse.tolist() == pytest.approx([3 * alone.p_worse] * 3)
    assert alone.verdict == "contradicted"
    assert set(together.verdict) == {"undecided"}


@pytest.mark.parametrize(
    ("sparsity", "levels"),
    [((0.4, 0.64), "1 2"), ((0.41, 0.63), ""), ((0.64, 0.64), "2"), ((0.0, 0.4), "1")],
)
def test_a_claims_range_holds_both_its_ends(sparsity: tuple[float, float], levels: str) -> None:
    """And never the dense network, whose sparsity is 0."""
    curve = pruning_run("winning_ticket", [[1.0, 2.0, 3.0], [2.0, 2.5, 3.0]])
    assert only(claim(sparsity=sparsity), a_cnn=curve).levels == levels


@pytest.mark.parametrize(("limit", "n"), [(0.1, 2), (0.09, 0), (0.11, 2)])
def test_embedding_std_at_most_includes_its_limit(limit: float, n: int) -> None:
    """The CNN's is 0.1."""
    curve = pruning_run("winning_ticket", [[1.0], [2.0]])
    assert only(claim(embedding_std_at_most=limit), a_cnn=curve).n == n


def test_holm() -> None:
    """Of p = 0.01, 0.04, 0.03, 0.005 the corrected are 0.03, 0.06, 0.06, 0.02."""
    # Two seeds at 1 +- d: t = 1 / d, and p = 1 - 2 atan(t) / pi with one degree of freedom.
    cells = {
        f"c{number}_cnn": pruning_run("winning_ticket", [[1 - d], [1 + d]])
        for number, p in enumerate([0.01, 0.04, 0.03, 0.005])
        for d in [1 / math.tan(math.pi / 2 * (1 - p))]
    }
    table = judged(claim(), **cells)
    assert table.p.tolist() == pytest.approx([0.01, 0.04, 0.03, 0.005])
    assert table.p_holm.tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert table.verdict.tolist() == ["supported", "undecided", "undecided", "supported"]


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


def test_all_strategies_must_show_the_effect() -> None:
    """The largest p, the smallest effect, an interval that spans both intervals."""
    wobble = np.array([[-0.1], [0.0], [0.1]])
    losses = {"winning_ticket": -1.0, "late_rewinding": -3.0}
    curve = pd.concat(pruning_run(name, loss + wobble) for name, loss in losses.items())
    both = claim(of=tuple(losses), direction="below")
    row = only(both, a_cnn=curve)
    single = [only(claim(of=(name,), direction="below"), a_cnn=curve) for name in losses]
    assert row.effect == pytest.approx(-1)
    assert row.p == max(one.p for one in single)
    assert (row.low, row.high) == (single[1].low, single[0].high)
    assert row.verdict == "supported"
    mixed = pd.concat(
        [pruning_run("winning_ticket", -1 + wobble), pruning_run("late_rewinding", 3 + wobble)]
    )
    assert only(both, a_cnn=mixed).p == 1
    missing = only(both, a_cnn=pruning_run("winning_ticket", -1 + wobble))
    assert (missing.verdict, missing.n) == ("not tested", 0)


def test_tickets_are_compared_by_log2_of_what_remains() -> None:
    """One cell's seeds stop at levels 1, 2, 2, the other's at 3, 3, 4."""
    early = pruning_run("winning_ticket", [[0, -2, -2, -2], [0, 0, -2, -2], [0, 0, -2, -2]])
    late = pruning_run("winning_ticket", [[0, 0, 0, -2], [0, 0, 0, -2], [0, 0, 0, 0]])
    row = only(claim(test="ticket", combine="any"), a_cnn=early, b_cnn=late)
    log_remaining = np.log2(1 - np.array(SPARSITY))
    by_hand = log_remaining[[1, 2, 2]] - log_remaining[[3, 3, 4]]
    assert row.cell == "a-cnn vs b-cnn"
    assert row.effect == pytest.approx(by_hand.mean())
    assert (row.n, row.verdict) == (3, "supported")
    alike = only(claim(test="ticket", combine="any"), a_cnn=early[early.seed > 0], b_cnn=late)
    assert alike.n == 2
    assert judged(claim(test="ticket", combine="any"), a_cnn=early).empty


def test_seeds_without_a_spread_prove_nothing() -> None:
    """Two seeds that happen to get equally many documents right would otherwise be certain."""
    row = only(claim(), a_cnn=pruning_run("winning_ticket", [[1.0], [1.0]]))
    assert (row.n, row.effect, row.verdict) == (2, 1, "undecided")
    assert np.isnan([row.low, row.high, row.p, row.p_holm, row.detectable]).all()
    beside = judged(
        claim(),
        a_cnn=pruning_run("winning_ticket", [[1.0], [1.0]]),
        b_cnn=pruning_run("winning_ticket", SLEEP[:, None]),
    )
    assert beside.p_holm[1] == beside.p[1]  # a contrast without a p is not counted


def test_a_claim_about_what_was_not_run_is_not_tested() -> None:
    small = pruning_run("winning_ticket", SLEEP[:, None])
    for other in (claim(against=("snip",)), claim(sparsity=(0.95, 1.0))):
        row = only(other, a_cnn=small)
        assert (row.verdict, row.n, row.levels) == ("not tested", 0, "")
    wide = judged(claim(embedding_std_at_most=0.2), a_cnn=small, a_lstm=small)
    assert wide.verdict.tolist() == ["supported", "not tested"]
    empty = judged(claim(), claim(test="ticket"), a_cnn=small.iloc[:0], b_cnn=pd.DataFrame())
    assert empty.verdict.tolist() == ["not tested"] * 3
    apart = [
        pruning_run("winning_ticket", [[1.0]] * 2),
        arm("snip", [[90.0]], levels=[1], seeds=[7]),
    ]
    row = only(claim(against=("snip",)), a_cnn=pd.concat(apart))
    assert (row.verdict, row.n) == ("undecided", 0)


def test_power() -> None:
    """R: power.t.test(delta = 0.5, power = 0.8, type = "one.sample") asks for n = 33.4."""
    assert (
        paired_tests.minimum_detectable_effect(1, 34, 1)
        < 0.5
        < paired_tests.minimum_detectable_effect(1, 33, 1)
    )
    assert paired_tests.minimum_detectable_effect(
        2, 34, 1
    ) == 2 * paired_tests.minimum_detectable_effect(1, 34, 1)
    # Where statsmodels' two-sided solver answers 3.16; by integrating over the chi distribution.
    assert paired_tests.minimum_detectable_effect(1, 5, 40) == pytest.approx(4.5096, abs=1e-3)
    assert paired_tests.minimum_detectable_effect(1, 2, 40) == pytest.approx(461.5, abs=0.1)
    assert math.isnan(paired_tests.minimum_detectable_effect(1, 1, 1))


accuracies = st.lists(st.integers(-60, 60).map(lambda n: n / 20), min_size=1, max_size=6)
cells = st.lists(accuracies, min_size=1, max_size=4)


def curves_of(values: list[list[float]], sign: int = 1) -> dict[str, pd.DataFrame]:
    return {
        f"c{number}_cnn": pruning_run("winning_ticket", sign * np.array(differences)[:, None])
        for number, differences in enumerate(values)
    }


@settings(max_examples=30, deadline=None)
@given(cells)
def test_holm_only_ever_raises_p(values: list[list[float]]) -> None:
    table = judged(claim(), claim(id="match", test="matching"), **curves_of(values))
    raised = table.dropna(subset="p")
    assert (raised.p_holm >= raised.p).all()
    assert (raised.p_holm <= len(raised) * raised.p + 1e-12).all()
    assert table.p_holm.isna().equals(table.p.isna())
    assert set(table.verdict[table.n < 2]) <= {"undecided"}


@settings(max_examples=30, deadline=None)
@given(cells)
def test_the_verdict_is_symmetric_in_sign(values: list[list[float]]) -> None:
    mirrored = {"supported": "contradicted", "contradicted": "supported"}
    table = judged(claim(), **curves_of(values))
    turned = judged(claim(), **curves_of(values, -1))
    assert turned.verdict.tolist() == [mirrored.get(one, one) for one in table.verdict]
    assert turned.effect.tolist() == pytest.approx((-table.effect).tolist())
    assert turned.high.tolist() == pytest.approx((-table.low).tolist(), nan_ok=True)
    below = judged(claim(direction="below"), **curves_of(values, -1))
    assert below.verdict.equals(table.verdict)


@settings(max_examples=30, deadline=None)
@given(accuracies, st.randoms())
def test_the_order_of_seeds_does_not_matter(values: list[float], random: Any) -> None:
    curve = pruning_run("winning_ticket", np.array(values)[:, None])
    order = list(range(len(curve)))
    random.shuffle(order)
    claims = (claim(), claim(id="match", test="matching"))
    table = judged(*claims, a_cnn=curve)
    shuffled = judged(*claims, a_cnn=curve.iloc[order])
    pd.testing.assert_frame_equal(table, shuffled)
    pd.testing.assert_frame_equal(
        exploratory.levels({"a": curve}).sort_values("level", ignore_index=True),
        exploratory.levels({"a": curve.iloc[order]}).sort_values("level", ignore_index=True),
    )


@pytest.mark.parametrize(
    ("rule", "by_cell", "verdict"),
    [
        ("every_cell", "a-cnn s, a-lstm s", "supported"),
        ("every_cell", "a-cnn s, a-lstm u", "undecided"),
        ("every_cell", "a-cnn s, a-lstm c", "contradicted"),
        ("every_cell", "a-cnn s, a-lstm n", "supported"),
        ("every_cell", "a-cnn n, a-lstm n", "not tested"),
        ("every_cell", "", "not tested"),
        ("every_model", "a-cnn s, b-cnn c, a-lstm u, b-lstm s", "supported"),
        ("every_model", "a-cnn s, b-cnn s, a-lstm c, b-lstm u", "undecided"),
        ("every_model", "a-cnn s, b-cnn s, a-lstm c, b-lstm c", "contradicted"),
        ("every_model", "a-cnn s, b-cnn s", "undecided"),  # one of the two was run
        ("every_corpus", "a-cnn s, b-cnn u, a-lstm u, b-lstm s", "supported"),
        ("every_corpus", "a-b-cnn s, a-b-lstm s, c-cnn u", "undecided"),
        ("any", "x vs y s, x vs z c", "supported"),
        ("any", "x vs y c, x vs z c", "contradicted"),
        ("any", "x vs y c, x vs z u", "undecided"),
    ],
)
def test_the_rules_that_combine(rule: str, by_cell: str, verdict: str) -> None:
    names = {"s": "supported", "c": "contradicted", "u": "undecided", "n": "not tested"}
    entries = [entry.strip().rpartition(" ") for entry in by_cell.split(",") if entry]
    pairs = [(cell, names[letter]) for cell, _, letter in entries]
    cells = {
        f"{corpus}-{model}": (corpus, model)
        for corpus in ("a", "b", "c", "a-b")
        for model in ("cnn", "lstm")
    }
    assert combined(pairs, rule, cells) == verdict


def test_verdicts_count_the_cells() -> None:
    first = claim(combine="every_model")
    table = judged(
        first,
        claim(id="other", against=("snip",)),
        a_cnn=pruning_run("winning_ticket", SLEEP[:, None]),
        a_lstm=pruning_run("winning_ticket", [[1.0]]),
    )
    cells = {"a-cnn": ("a", "cnn"), "a-lstm": ("a", "lstm")}
    assert verdicts((first,), table, cells).loc[0].tolist() == [
        "it",
        "So it is.",
        "undecided",
        1,
        0,
        1,
        0,
    ]


def test_the_claims_of_this_study_are_well_formed() -> None:
    claims = load(ROOT / "claims.yaml")
    assert len(claims) == 10  # nine; one is in two parts
    table = contrasts(claims, {}, {}, 0.5, 0.5, {})
    assert list(table.columns) == COLUMNS
    assert set(verdicts(claims, table, {}).verdict) == {"not tested"}


GOOD = (
    "{id: it, sentence: So., test: difference, of: [snip], against: [dense],"
    " sparsity: [0.5, 0.9], combine: any"
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"- {GOOD}, levle: 1}}", "it.levle: unknown key"),
        (f"- {GOOD.replace('[snip]', '[snp]')}}}", "or control 'snp'; did you mean 'snip'?"),
        (f"- {GOOD.replace('[snip]', '[dense]')}}}", "unknown strategy or control 'dense'"),
        (f"- {GOOD.replace('[snip]', 'snip')}}}", "it.of: "),
        (f"- {GOOD.replace('0.9', '0.1')}}}", "from the smaller to the larger"),
        (f"- {GOOD.replace('0.9', '.nan')}}}", "it.sparsity"),
        (f"- {GOOD.replace('difference', 'ticket')}}}", "'sparsity'"),
        (f"- {GOOD.replace('[dense]', '[synflow]').replace('difference', 'matching')}}}", "dense"),
        (f"- {GOOD}}}\n- {GOOD}}}", "it: appears twice"),
        ("- {sentence: So.}", "claim 1.id: missing"),
        ("- 3", "claim 1: "),
        ("{}", "expected a list of claims"),
        ("[]", "expected a list of claims"),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    with pytest.raises(LotteryError) as caught:
        load(path)
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


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


def test_tickets_are_compared_by_their_level_on_validation() -> None:
    """In the test of the claim too: on test accuracy both cells would have the same ticket."""
    curves = {}
    for cell, last in (("a_cnn", 1), ("b_cnn", 4)):
        curve = pruning_run("winning_ticket", [[0.0] * 4] * 3)
        curve["validation_accuracy"] = 90.0 - 5 * (curve.level > last)
        curve.loc[(curve.seed == 0) & (curve.level == last), "validation_accuracy"] = 80.0
        curves[cell] = curve
    row = only(claim(test="ticket", sparsity=None), **curves)
    differences = [
        math.log2((1 - SPARSITY[one]) / (1 - SPARSITY[other]))
        for one, other in ((0, 3), (1, 4), (1, 4))
    ]
    assert row.effect == pytest.approx(np.mean(differences))


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
