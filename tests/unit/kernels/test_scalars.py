"""The functions of one number that kernels inline."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from lottery.kernels import scalars


def compiled(function: Callable[..., Any]) -> Callable[[np.ndarray], np.ndarray]:
    """``function`` of each number of an array, compiled."""
    over_array: Callable[[np.ndarray], np.ndarray] = numba.njit(
        lambda numbers: np.array([function(number) for number in numbers])
    )
    return over_array


def test_functions_of_a_number() -> None:
    numbers = np.linspace(-100, 100, 20_001, dtype=np.float32).astype(np.float64)
    for name in ("sigmoid", "tanh"):
        apply = compiled(getattr(scalars, name))
        exact = {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}[name](numbers)
        assert np.abs(apply(numbers) - exact).max() < 1e-14
        assert np.abs(apply(numbers.astype(np.float32)) - exact).max() < 3e-7


def test_nan_stays_nan() -> None:
    for name in ("sigmoid", "tanh"):
        for dtype in (np.float32, np.float64):
            numbers = np.array([np.nan, -np.nan, np.inf, -np.inf], dtype)
            least = {"sigmoid": 0.0, "tanh": -1.0}[name]
            expected = np.array([np.nan, np.nan, 1, least])
            values = compiled(getattr(scalars, name))(numbers)
            np.testing.assert_allclose(values, expected, atol=1e-6)
