"""Numbers as text: no sparsity looks like another, whatever it is."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lottery.report.formats import factor, log2, millions, points, share, signed, size
from lottery.report.styles import remaining_ticks

FRACTIONS = st.one_of(
    st.floats(0, 1),
    st.floats(0, 1e-4).map(lambda small: 1 - small),
    st.floats(0, 1e-4),
    st.tuples(st.integers(0, 5_000_000), st.just(5_000_000)).map(lambda two: two[0] / two[1]),
)


def percent(text: str) -> Decimal:
    assert text.endswith(" %")
    return Decimal(text.removesuffix(" %"))


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0, "0.0 %"),
        (0.00004, "0.004 %"),
        (0.64, "64.0 %"),
        (0.9994, "99.9 %"),
        (0.99996, "99.996 %"),
        (1 - 1 / 5_000_000, "99.99998 %"),
        (1.0, "100.0 %"),
        (float("nan"), "–"),
    ],
)
def test_a_share_is_told_from_nothing_and_from_everything(fraction: float, text: str) -> None:
    assert share(fraction) == text


@given(FRACTIONS)
def test_only_all_is_100_percent_and_only_nothing_is_0(fraction: float) -> None:
    assert (percent(share(fraction)) == 100) == (fraction == 1)
    assert (percent(share(fraction)) == 0) == (fraction == 0)
    assert abs(percent(share(fraction)) - 100 * Decimal(fraction)) <= Decimal("0.05")


@given(FRACTIONS, FRACTIONS)
def test_a_larger_share_never_looks_smaller(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert percent(share(low)) <= percent(share(high))


@given(st.floats(1e-6, 100))
def test_an_axis_of_remaining_weights_has_a_few_round_ticks(low: float) -> None:
    ticks = remaining_ticks(low)
    assert 1 <= len(ticks) <= 10
    assert ticks[0] == 100
    assert all(low <= tick <= 100 for tick in ticks)
    assert ticks == sorted(set(ticks), reverse=True)


def test_no_difference_in_accuracy_is_over_100_points() -> None:
    """The interval of two seeds may be hundreds long; a page that says so says nothing."""
    assert [points(end, signed) for end in (-412.7, -100, 0.5, 300)] == [
        *("under −100", "−100.00", "+0.50", "over +100")
    ]


def test_a_logarithm_says_that_it_is_one() -> None:
    assert log2(1.5, signed) == "+1.50 log2"
    assert log2(412.7) == "412.70 log2"
    assert log2(float("nan")) == "–"


@pytest.mark.parametrize(
    ("logarithm", "text"),
    [
        (0.0, "×1"),
        (1.5, "×2.8"),
        (-1.5, "×0.35"),
        (8.0, "×256"),
        (40.0, "over ×1,000"),
        (-40.0, "under ×0.001"),
        (float("nan"), "–"),
    ],
)
def test_a_factor_is_what_the_logarithm_means(logarithm: float, text: str) -> None:
    assert factor(logarithm) == text


def test_sizes_and_counts_are_short() -> None:
    assert [size(count) for count in (446_728, 999_499, 999_500, 20_483_204, float("nan"))] == [
        *("447 kB", "999 kB", "1.0 MB", "20.5 MB", "")
    ]
    assert [millions(count) for count in (48_600, 999_999, 5_121_704, float("nan"))] == [
        *("48,600", "999,999", "5.12 million", "–")
    ]
