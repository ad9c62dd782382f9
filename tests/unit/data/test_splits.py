"""The documents for testing are as many as ``test_fraction`` says, drawn class by class."""

import math

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from lottery.data import splits


@given(
    counts=st.lists(st.integers(30, 90), min_size=2, max_size=4),
    percent=st.integers(10, 60),
)
def test_as_many_as_the_fraction_says(counts: list[int], percent: int) -> None:
    table = pd.DataFrame({"label": np.repeat(np.arange(len(counts)), counts), "split": None})
    fraction = percent / 100
    drawn = splits.with_test(table, fraction)
    assert (drawn.split == "test").sum() == math.ceil(fraction * len(table))
    assert set(drawn.split) == {"train", "test"}
    of_class = drawn[drawn.split == "test"].label.value_counts()
    for label, count in enumerate(counts):
        assert abs(of_class[label] - fraction * count) <= 1, "as many of each class"
    assert splits.with_test(table, fraction).equals(drawn)
