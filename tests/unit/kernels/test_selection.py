"""Selections: values and gradients are exactly those of PyTorch's ``gather`` and ``max``."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lottery.kernels import selection

DTYPES = [torch.float64, torch.float32, torch.bfloat16]
SIZES = st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 5))
SPECIAL = [torch.nan, torch.inf, -torch.inf, 0.0, -0.0]


def draw(shape: tuple[int, int, int], dtype: torch.dtype, seed: int) -> torch.Tensor:
    """Numbers with ties, some of which are not finite."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(shape, generator=generator).mul(2).round()
    number = torch.randint(5 * len(SPECIAL), shape, generator=generator)
    for index, special in enumerate(SPECIAL):
        values[number == index] = special
    return values.to(dtype)


def gradients(
    select: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    leaf = values.clone().requires_grad_()
    result = select(leaf)
    slopes = torch.randn(result.shape, generator=torch.Generator().manual_seed(1))
    return result, torch.autograd.grad(result, leaf, slopes.to(values.dtype))[0]


def assert_equal(
    one: Callable[[torch.Tensor], torch.Tensor],
    other: Callable[[torch.Tensor], torch.Tensor],
    values: torch.Tensor,
) -> None:
    for mine, theirs in zip(gradients(one, values), gradients(other, values), strict=True):
        torch.testing.assert_close(mine, theirs, atol=0, rtol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dim", [1, 2])
@given(shape=SIZES, seed=st.integers(0, 1000))
def test_pick_is_gather(
    dtype: torch.dtype, dim: int, shape: tuple[int, int, int], seed: int
) -> None:
    size = [shape[0], shape[1], shape[2]]
    longest, size[dim] = size[dim], 1
    positions = torch.randint(longest, size, generator=torch.Generator().manual_seed(seed))
    assert_equal(
        lambda values: selection.pick(values, positions, dim),
        lambda values: values.gather(dim, positions).squeeze(dim),
        draw(shape, dtype, seed),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=SIZES, seed=st.integers(0, 1000))
def test_the_pick_of_the_largest_is_max(
    dtype: torch.dtype, shape: tuple[int, int, int], seed: int
) -> None:
    """Of equal ones the first, and NaN before all numbers."""
    assert_equal(
        lambda values: selection.pick(values, values.argmax(2, keepdim=True), 2),
        lambda values: values.max(2).values,
        draw(shape, dtype, seed),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=SIZES, seed=st.integers(0, 1000), data=st.data())
def test_swap_is_gather(
    dtype: torch.dtype, shape: tuple[int, int, int], seed: int, data: st.DataObject
) -> None:
    """Each document turned round within its length."""
    lengths = torch.tensor([data.draw(st.integers(1, shape[1])) for _ in range(shape[0])])
    positions = torch.arange(shape[1])
    mirrored = lengths[:, None] - 1 - positions
    order = torch.where(mirrored >= 0, mirrored, positions)[:, :, None]
    assert_equal(
        lambda values: selection.swap(values, order),
        lambda values: values.gather(1, order.expand(-1, -1, shape[2])),
        draw(shape, dtype, seed),
    )
