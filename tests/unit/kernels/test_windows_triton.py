"""The GPU's kernel for windows, run by Triton's interpreter, beside its twin in plain PyTorch."""

import pytest
import torch
from helpers import BatchShape, batch_shapes
from hypothesis import given, settings
from hypothesis import strategies as st

from lottery.training.lockstep.networks import cnn

triton = pytest.importorskip("triton", reason="Triton is for Linux only")
if tuple(map(int, triton.__version__.split(".")[:2])) < (3, 9):
    pytest.skip(
        "Triton before 3.9, which CUDA builds of torch bring, cannot interpret with NumPy 2.4",
        allow_module_level=True,
    )

from lottery.kernels import windows_triton  # noqa: E402


def assert_same(table: torch.Tensor, indices: torch.Tensor, lengths: torch.Tensor) -> None:
    width = table.shape[2]
    mine = windows_triton.window_argmax(table, indices, lengths, width)
    assert torch.equal(mine, cnn.window_argmax(table, indices, lengths, width))


@settings(max_examples=15)
@given(batch_shapes(), st.sampled_from([1, 3]), st.booleans())
def test_the_same_windows_win(shape: BatchShape, width: int, has_nan: bool) -> None:
    """Sums of a few whole numbers, so that many are equal; and some are NaN."""
    generator = torch.Generator().manual_seed(shape.seed)
    table = torch.randint(-1, 2, (2, shape.distinct, width, 3), generator=generator).float()
    if has_nan:
        table[torch.rand(table.shape, generator=generator) < 0.1] = torch.nan
    longest = max(shape.longest, width)
    size = (2, len(shape.lengths), longest)
    indices = torch.randint(shape.distinct, size, generator=generator)
    assert_same(table, indices, shape.lengths.clamp(min=width).expand(2, -1))


def test_more_windows_and_filters_than_a_program_takes_at_a_time() -> None:
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(1, 5, 2, 70, generator=generator)
    indices = torch.randint(5, (1, 2, 40), generator=generator)
    assert_same(table, indices, torch.tensor([[40, 19]]))


def test_windows_that_are_all_infinite() -> None:
    table = torch.full((1, 2, 1, 2), -torch.inf)
    assert_same(table, torch.zeros(1, 1, 3, dtype=torch.long), torch.tensor([[3]]))
