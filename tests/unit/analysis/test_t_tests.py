"""The t tests against textbook values and SciPy's own, and the power against R's."""

import math

import numpy as np
import pytest
from accuracy_curves import SLEEP
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lottery.analysis import t_tests
from lottery.analysis.t_tests import minimum_detectable_effect

SOME = st.lists(st.integers(-60, 60).map(lambda n: n / 20), min_size=2, max_size=8)


def test_the_t_test_and_its_interval_are_students() -> None:
    """R's t.test(sleep, paired): t = 4.0621, df = 9, p-value = 0.002833, 0.7001142 2.4598858."""
    estimate = t_tests.paired(SLEEP)
    assert (estimate.n, estimate.df) == (10, 9)
    assert estimate.effect / estimate.error == pytest.approx(4.0621, abs=5e-5)
    assert t_tests.p_difference(*estimate[1:]) == pytest.approx(0.002833, abs=5e-7)
    assert t_tests.interval(*estimate[1:], 0.95) == pytest.approx((0.7001142, 2.4598858))
    assert t_tests.interval_of_mean(SLEEP) == pytest.approx((0.7001142, 2.4598858))


@given(SOME, st.sampled_from([0.0, -0.5, 1.0]), st.sampled_from([0.25, 0.5, 2.0]))
def test_paired_tests_are_scipys(values: list[float], null: float, margin: float) -> None:
    if np.ptp(values) < 0.01:
        return
    estimate = t_tests.paired(np.array(values))
    expected = stats.ttest_1samp(values, null)
    assert t_tests.p_difference(*estimate[1:], null) == pytest.approx(expected.pvalue)
    one_sided = [
        stats.ttest_1samp(values, margin, alternative="less").pvalue,
        stats.ttest_1samp(values, -margin, alternative="greater").pvalue,
    ]
    assert t_tests.p_equivalence(*estimate[1:], margin) == pytest.approx(max(one_sided))
    either = [
        stats.ttest_1samp(values, null, alternative=one).pvalue for one in ("less", "greater")
    ]
    assert t_tests.p_difference(*estimate[1:], null) == pytest.approx(2 * min(either))


@pytest.mark.filterwarnings("ignore:Precision loss")  # SciPy's, where one group is all alike
@given(SOME, SOME)
def test_unpaired_tests_are_welchs(one: list[float], other: list[float]) -> None:
    estimate = t_tests.unpaired(np.array(one), np.array(other))
    if max(np.ptp(one), np.ptp(other)) < 0.01:
        assert math.isnan(estimate.error)
        return
    expected = stats.ttest_ind(one, other, equal_var=False)
    assert estimate.n == min(len(one), len(other))
    assert t_tests.p_difference(*estimate[1:]) == pytest.approx(expected.pvalue)
    assert t_tests.interval(*estimate[1:], 0.95) == pytest.approx(
        tuple(expected.confidence_interval())
    )


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 1.0], [1.0, 1.005]])
def test_values_without_a_spread_have_no_test(values: list[float]) -> None:
    estimate = t_tests.paired(np.array(values))
    assert estimate.n == len(values)
    assert math.isnan(estimate.error)
    assert math.isnan(t_tests.p_difference(*estimate[1:]))
    assert math.isnan(t_tests.p_equivalence(*estimate[1:], 0.5))
    assert np.isnan(t_tests.interval(*estimate[1:], 0.95)).all()
    assert math.isnan(t_tests.unpaired(np.array(values), np.array([1.0])).error)


def test_power() -> None:
    """R: power.t.test(delta = 0.5, power = 0.8, type = "one.sample") asks for n = 33.4."""
    of_34, of_33 = (minimum_detectable_effect(1 / math.sqrt(n), n - 1, 0.05) for n in (34, 33))
    assert of_34 < 0.5 < of_33
    assert minimum_detectable_effect(2 / math.sqrt(34), 33, 0.05) == pytest.approx(2 * of_34)
    # Where statsmodels' two-sided solver answers 3.16; by integrating over the chi distribution.
    five, two = (minimum_detectable_effect(1 / math.sqrt(n), n - 1, 0.05 / 40) for n in (5, 2))
    assert five == pytest.approx(4.5096, abs=1e-3)
    assert two == pytest.approx(461.5, abs=0.1)
    assert math.isnan(minimum_detectable_effect(math.nan, math.nan, 0.05))


def test_power_of_welchs_test() -> None:
    """R: power.t.test(n = 20, delta = 0.9091, power = 0.8) is 0.8 for two groups of 20."""
    assert minimum_detectable_effect(math.sqrt(2 / 20), 38, 0.05) == pytest.approx(0.9091, abs=5e-4)
    between = minimum_detectable_effect(1, 10.5, 0.001)
    whole = [minimum_detectable_effect(1, df, 0.001) for df in (10, 11)]
    assert whole[1] < between < whole[0]
