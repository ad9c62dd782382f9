"""The LSTM's kernel: values and gradients are those of plain PyTorch."""

from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from helpers import (
    FLOAT_BOUNDS,
    BatchShape,
    Tensors,
    assert_same_gradients,
    batch_shapes,
    draw_batch,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from lottery.kernels.lstm import bidirectional
from lottery.models import lstm


def weight_shapes(inputs: int, hidden: int) -> list[tuple[int, ...]]:
    """Of both directions of a layer."""
    return [(4 * hidden, inputs), (4 * hidden, hidden), (4 * hidden,), (4 * hidden,)] * 2


def whole_lstm(steps: Sequence[int], leaves: Tensors) -> torch.Tensor:
    """torch.nn.LSTM on the same packed rows."""
    rows, *weights = leaves
    reference = nn.LSTM(rows.shape[1], weights[1].shape[1], bidirectional=True).to(rows.dtype)
    names = [name for name, _ in reference.named_parameters()]
    named = dict(zip(names, weights, strict=True))
    packed = PackedSequence(rows, torch.tensor(steps))
    states: torch.Tensor = torch.func.functional_call(reference, named, (packed,))[0].data
    return states


@pytest.mark.parametrize("dtype", FLOAT_BOUNDS)
@settings(max_examples=30)
@given(
    steps=st.lists(st.integers(1, 6), min_size=1, max_size=8).map(
        lambda counts: sorted(counts, reverse=True)
    ),
    inputs=st.integers(1, 20),
    hidden=st.integers(1, 20),
    seed=st.integers(0, 1000),
)
def test_the_recurrence_is_torchs(
    dtype: torch.dtype, steps: list[int], inputs: int, hidden: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    leaves = [
        torch.randn(shape, generator=generator, dtype=torch.float64).mul(0.4).to(dtype)
        for shape in [(sum(steps), inputs), *weight_shapes(inputs, hidden)]
    ]
    assert_same_gradients(
        lambda leaves: bidirectional(leaves[0], steps, leaves[1:]),
        lambda leaves: whole_lstm(steps, leaves),
        leaves,
    )
    assert_same_gradients(  # rows beyond the steps
        lambda leaves: bidirectional(leaves[0].repeat(2, 1), steps, leaves[1:]),
        lambda leaves: F.pad(whole_lstm(steps, leaves), (0, 0, 0, len(leaves[0]))),
        leaves,
    )


@pytest.mark.parametrize("dtype", FLOAT_BOUNDS)
@settings(max_examples=30)
@given(batch=batch_shapes(), hidden=st.integers(1, 9))
def test_packed_last_states_are_padded_last_states(
    dtype: torch.dtype, batch: BatchShape, hidden: int
) -> None:
    """Documents in any order of lengths, a column of padding behind all."""
    (embeddings,), indices = draw_batch(batch, dtype)
    leaves = [embeddings]
    generator = torch.Generator().manual_seed(batch.seed)
    for inputs in (batch.dim, 2 * hidden):
        for shape in weight_shapes(inputs, hidden):
            drawn = torch.randn(shape, generator=generator, dtype=torch.float64)
            leaves.append(drawn.mul(0.4).to(dtype))

    def last_states(compute: Callable[..., torch.Tensor]) -> Callable[[Tensors], torch.Tensor]:
        return lambda leaves: compute(
            leaves[0], indices, batch.lengths, [leaves[1:9], leaves[9:]], lambda states: states
        )

    assert_same_gradients(
        last_states(lstm.packed_last_states), last_states(lstm.padded_last_states), leaves
    )


@pytest.mark.parametrize("dtype", FLOAT_BOUNDS)
@pytest.mark.parametrize("leaf", [0, 1, 3, 4])
def test_nan_is_passed_on(dtype: torch.dtype, leaf: int) -> None:
    """Of a row, a weight of the inputs or a bias. (The weights of the hidden states are not read in
    the first step, where those are zero.)"""
    generator = torch.Generator().manual_seed(0)
    steps, inputs, hidden = [3, 3, 2, 1], 5, 4
    leaves = [
        torch.randn(shape, generator=generator, dtype=torch.float64).mul(0.4).to(dtype)
        for shape in [(sum(steps), inputs), *weight_shapes(inputs, hidden)]
    ]
    leaves[leaf].view(-1)[leaves[leaf].numel() // 2] = torch.nan
    one, other = bidirectional(leaves[0], steps, leaves[1:]), whole_lstm(steps, leaves)
    assert one.isnan().any()
    torch.testing.assert_close(
        one, other, atol=FLOAT_BOUNDS[dtype], rtol=FLOAT_BOUNDS[dtype], equal_nan=True
    )


def test_bfloat16_is_near_float32() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(18, 6), *weight_shapes(6, 5)]
    narrow = [torch.randn(shape, generator=generator).mul(0.4).bfloat16() for shape in shapes]
    narrow = [leaf.requires_grad_() for leaf in narrow]
    wide = [leaf.detach().float().requires_grad_() for leaf in narrow]
    steps = [5, 5, 4, 2, 1, 1]
    one, other = (bidirectional(leaves[0], steps, leaves[1:]) for leaves in (narrow, wide))
    torch.testing.assert_close(one.float(), other, atol=0.02, rtol=0.02)
    gradients = torch.autograd.grad(one.float().square().sum(), narrow)
    exact = torch.autograd.grad(other.square().sum(), wide)
    for mine, theirs in zip(gradients, exact, strict=True):
        torch.testing.assert_close(mine.float(), theirs, atol=0.1, rtol=0.05)
