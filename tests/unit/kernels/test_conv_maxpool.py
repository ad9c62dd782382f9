"""The CNN's kernel: values and gradients are those of plain PyTorch, whatever the threads."""

import hashlib
import os
import subprocess
import sys

import pytest
import torch
from helpers import (
    FLOAT_BOUNDS,
    ROOT,
    BatchShape,
    assert_same_gradients,
    batch_shapes,
    draw_batch,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from lottery import kernels
from lottery.kernels import sparse_matmul
from lottery.kernels.conv_maxpool import conv_maxpool
from lottery.models.cnn import plain_conv_maxpool


@pytest.mark.parametrize("dtype", FLOAT_BOUNDS)
@pytest.mark.parametrize("sparse", [False, True])
@settings(max_examples=40)
@given(
    batch=batch_shapes(),
    widths=st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True),
    filters=st.integers(1, 5),
    density=st.sampled_from([1.0, 0.3, 0.05]),
)
def test_maxima_are_those_of_convolutions(
    dtype: torch.dtype,
    sparse: bool,
    batch: BatchShape,
    widths: list[int],
    filters: int,
    density: float,
) -> None:
    leaves, indices = draw_batch(batch, dtype, widths, filters, density)
    leaves[1][0] = 0  # a filter that is pruned altogether
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse_matmul, "is_sparse", lambda embeddings, weights: sparse)
        assert_same_gradients(
            lambda leaves: conv_maxpool(leaves[0], indices, batch.lengths, leaves[1:]),
            lambda leaves: plain_conv_maxpool(leaves[0], indices, batch.lengths, leaves[1:]),
            leaves,
        )


@pytest.mark.parametrize("sparse", [False, True])
@settings(max_examples=40)
@given(batch=batch_shapes())
def test_the_first_of_equal_windows_wins(sparse: bool, batch: BatchShape) -> None:
    """Small whole numbers: windows of other tokens tie, exactly."""
    leaves, indices = draw_batch(batch, torch.float64, (2, 3), 4)
    leaves = [leaf.round().clamp(-1, 1) for leaf in leaves]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse_matmul, "is_sparse", lambda embeddings, weights: sparse)
        assert_same_gradients(
            lambda leaves: conv_maxpool(leaves[0], indices, batch.lengths, leaves[1:]),
            lambda leaves: plain_conv_maxpool(leaves[0], indices, batch.lengths, leaves[1:]),
            leaves,
        )


@pytest.mark.parametrize("dtype", FLOAT_BOUNDS)
@pytest.mark.parametrize("sparse", [False, True])
@settings(max_examples=60)
@given(
    batch=batch_shapes(),
    widths=st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True),
    density=st.sampled_from([1.0, 0.3, 0.05]),
    value=st.sampled_from([torch.nan, torch.inf, -torch.inf]),
    data=st.data(),
)
def test_what_is_not_finite_is_passed_on(
    dtype: torch.dtype,
    sparse: bool,
    batch: BatchShape,
    widths: list[int],
    density: float,
    value: float,
    data: st.DataObject,
) -> None:
    """In the maxima, NaN where PyTorch has NaN; of weights only NaN itself."""
    leaves, indices = draw_batch(batch, dtype, widths, 3, density)
    # What a document is continued with is zero, not a row that is not finite times zero.
    inside = torch.arange(batch.longest) < batch.lengths[:, None]
    leaves[0] = torch.cat([leaves[0], torch.zeros(1, batch.dim, dtype=dtype)])
    indices = torch.where(inside, indices, batch.distinct)
    count = data.draw(st.integers(0, 2))
    for _ in range(count):
        number = data.draw(st.integers(0, len(leaves) - 1))
        leaf = leaves[number][:-1] if number == 0 else leaves[number]
        index = data.draw(st.integers(0, leaf.numel() - 1))
        leaf.view(-1)[index] = value if number == 0 else torch.nan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse_matmul, "is_sparse", lambda embeddings, weights: sparse)
        one = conv_maxpool(leaves[0], indices, batch.lengths, leaves[1:])
    other = plain_conv_maxpool(leaves[0], indices, batch.lengths, leaves[1:])
    bound = FLOAT_BOUNDS[dtype]
    torch.testing.assert_close(one, other, atol=bound, rtol=bound, equal_nan=True)


def test_nan_is_passed_on_in_bfloat16_and_to_the_gradient() -> None:
    batch = BatchShape(torch.tensor([9, 4]), longest=9, distinct=9, dim=16, seed=1)
    leaves, indices = draw_batch(batch, torch.bfloat16, (3, 4), 8)
    leaves[0][indices[0, 5]] = torch.nan
    leaves = [leaf.requires_grad_() for leaf in leaves]
    maxima = conv_maxpool(leaves[0], indices, batch.lengths, leaves[1:])
    assert maxima[0].isnan().all()
    for gradient in torch.autograd.grad(maxima.sum(), leaves[1:]):
        assert gradient.isnan().any()


def test_sparse_and_dense_are_chosen_by_density(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    product = sparse_matmul._product
    monkeypatch.setattr(
        sparse_matmul, "_product", lambda *arrays: (calls.append(True), product(*arrays))
    )
    batch = BatchShape(torch.tensor([9]), longest=9, distinct=500, dim=100, seed=0)
    sparse = {}
    for density in (1.0, 0.3, 0.12, 0.07, 0.01):
        calls.clear()
        leaves, indices = draw_batch(batch, torch.float32, (3, 4, 5), 50, density)
        conv_maxpool(leaves[0], indices, batch.lengths, leaves[1:])
        sparse[density] = bool(calls)
    assert sparse == {1.0: False, 0.3: False, 0.12: False, 0.07: True, 0.01: True}


def test_bfloat16_is_near_float32() -> None:
    batch = BatchShape(torch.tensor([9, 4]), longest=9, distinct=9, dim=16, seed=1)
    narrow, indices = draw_batch(batch, torch.bfloat16, (3, 4), 8)
    narrow = [leaf.requires_grad_() for leaf in narrow]
    wide = [leaf.detach().float().requires_grad_() for leaf in narrow]
    one, other = (
        conv_maxpool(leaves[0], indices, batch.lengths, leaves[1:]) for leaves in (narrow, wide)
    )
    assert one.dtype == torch.float32
    torch.testing.assert_close(one, other, atol=0.15, rtol=0.02)


def test_a_kernel_does_not_depend_on_its_threads() -> None:
    """In a process that has two: Numba is told before it is imported, and here to have one."""
    code = f"import runpy; print(*runpy.run_path({__file__!r})['digests']())"
    path = os.pathsep.join(["src", "tests"])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "NUMBA_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    printed = done.stdout.split()
    assert len(printed) == 3
    assert len(set(printed)) == 1
    assert printed[0] == digests()[0]


def digests() -> list[str]:
    """Of values and gradients with one thread, with two, and with more than there are."""
    batch = BatchShape(torch.tensor([9, 4, 7]), longest=9, distinct=9, dim=33, seed=1)
    leaves, indices = draw_batch(batch, torch.float32, (3, 4), 40)
    leaves = [leaf.requires_grad_() for leaf in leaves]
    by_threads = []
    try:
        for threads in (1, 2, 1000):
            kernels.set_threads(threads)
            values = conv_maxpool(leaves[0], indices, batch.lengths, leaves[1:])
            tensors = [values, *torch.autograd.grad(values.square().sum(), leaves)]
            data = b"".join(tensor.detach().numpy().tobytes() for tensor in tensors)
            by_threads.append(hashlib.sha256(data).hexdigest())
    finally:
        kernels.set_threads(1)
    return by_threads
