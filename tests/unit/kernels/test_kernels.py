"""The kernels: values and gradients are those of plain PyTorch, and Adam is dense Adam."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from lottery import kernels
from lottery.kernels import dropping, products, recurrence, rows, scalars, survivors, windows
from lottery.models import cnn, lstm

ROOT = Path(__file__).resolve().parents[1]
BOUNDS = {torch.float64: 1e-10, torch.float32: 1e-5}
Tensors = Sequence[torch.Tensor]


def compare(
    kernel: Callable[..., torch.Tensor],
    reference: Callable[..., torch.Tensor],
    leaves: Tensors,
    bound: float,
) -> None:
    """Both give the same values, and the same gradient of each of ``leaves``."""
    leaves = [leaf.requires_grad_() for leaf in leaves]
    one, other = kernel(leaves), reference(leaves)
    torch.testing.assert_close(one, other, atol=bound, rtol=bound)
    slopes = torch.randn(one.shape, generator=torch.Generator().manual_seed(5), dtype=one.dtype)
    slopes[torch.rand(one.shape, generator=torch.Generator().manual_seed(6)) < 0.3] = 0
    for mine, theirs in zip(
        torch.autograd.grad(one, leaves, slopes),
        torch.autograd.grad(other, leaves, slopes),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, atol=bound, rtol=bound)


@st.composite
def batch(draw: Any) -> dict[str, Any]:
    """Documents from one word to longer than all filters, with a tail that is padding only."""
    lengths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    return {
        "lengths": torch.tensor(lengths),
        "longest": max(lengths) + draw(st.integers(0, 3)),
        "distinct": draw(st.integers(1, 12)),
        "dim": draw(st.integers(1, 20)),
        "seed": draw(st.integers(0, 1000)),
    }


def case(
    given: dict[str, Any], dtype: torch.dtype, widths: Sequence[int], filters: int, density: float
) -> tuple[Tensors, torch.Tensor]:
    """Words, then one weight a width; and the places of the words."""
    generator = torch.Generator().manual_seed(given["seed"])
    sizes = [(given["distinct"], given["dim"])]
    sizes += [(filters, width, given["dim"]) for width in widths]
    leaves = []
    for size in sizes:
        values = torch.randn(size, generator=generator, dtype=torch.float64)
        values[torch.rand(size, generator=generator) >= density] = 0
        leaves.append(values.to(dtype))
    shape = (len(given["lengths"]), given["longest"])
    return leaves, torch.randint(given["distinct"], shape, generator=generator)


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("sparse", [False, True])
@settings(max_examples=40)
@given(
    given=batch(),
    widths=st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True),
    filters=st.integers(1, 5),
    density=st.sampled_from([1.0, 0.3, 0.05]),
)
def test_maxima_are_those_of_convolutions(
    dtype: torch.dtype,
    sparse: bool,
    given: dict[str, Any],
    widths: list[int],
    filters: int,
    density: float,
) -> None:
    leaves, places = case(given, dtype, widths, filters, density)
    leaves[1][0] = 0  # a filter that is pruned altogether
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survivors, "is_sparse", lambda words, weights: sparse)
        compare(
            lambda own: windows.maxima(own[0], places, given["lengths"], own[1:]),
            lambda own: cnn.maxima(own[0], places, given["lengths"], own[1:]),
            leaves,
            BOUNDS[dtype],
        )


@pytest.mark.parametrize("sparse", [False, True])
@settings(max_examples=40)
@given(given=batch())
def test_the_first_of_equal_windows_wins(sparse: bool, given: dict[str, Any]) -> None:
    """Small whole numbers: windows of other words tie, exactly."""
    leaves, places = case(given, torch.float64, (2, 3), 4, 1.0)
    leaves = [leaf.round().clamp(-1, 1) for leaf in leaves]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survivors, "is_sparse", lambda words, weights: sparse)
        compare(
            lambda own: windows.maxima(own[0], places, given["lengths"], own[1:]),
            lambda own: cnn.maxima(own[0], places, given["lengths"], own[1:]),
            leaves,
            1e-10,
        )


def test_sparse_and_dense_are_chosen_by_density(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    product = survivors._product
    monkeypatch.setattr(survivors, "_product", lambda *own: (calls.append(True), product(*own)))
    shape = {"lengths": torch.tensor([9]), "longest": 9, "distinct": 500, "dim": 100, "seed": 0}
    found = {}
    for density in (1.0, 0.3, 0.12, 0.07, 0.01):
        calls.clear()
        leaves, places = case(shape, torch.float32, (3, 4, 5), 50, density)
        windows.maxima(leaves[0], places, shape["lengths"], leaves[1:])
        found[density] = bool(calls)
    assert found == {1.0: False, 0.3: False, 0.12: False, 0.07: True, 0.01: True}


def whole_lstm(steps: Sequence[int], own: Tensors) -> torch.Tensor:
    """torch.nn.LSTM on the same packed rows."""
    reference = nn.LSTM(own[0].shape[1], own[2].shape[1], bidirectional=True).to(own[0].dtype)
    names = [name for name, _ in reference.named_parameters()]
    packed = PackedSequence(own[0], torch.tensor(steps))
    weights = dict(zip(names, own[1:], strict=True))
    states: torch.Tensor = torch.func.functional_call(reference, weights, (packed,))[0].data
    return states


@pytest.mark.parametrize("dtype", BOUNDS)
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
    shapes = [(4 * hidden, inputs), (4 * hidden, hidden), (4 * hidden,), (4 * hidden,)] * 2
    leaves = [
        torch.randn(shape, generator=generator, dtype=torch.float64).mul(0.4).to(dtype)
        for shape in [(sum(steps), inputs), *shapes]
    ]
    compare(
        lambda own: recurrence.bidirectional(own[0], steps, own[1:]),
        lambda own: whole_lstm(steps, own),
        leaves,
        BOUNDS[dtype],
    )
    compare(  # rows beyond the steps
        lambda own: recurrence.bidirectional(own[0].repeat(2, 1), steps, own[1:]),
        lambda own: F.pad(whole_lstm(steps, own), (0, 0, 0, len(own[0]))),
        leaves,
        BOUNDS[dtype],
    )


@pytest.mark.parametrize("dtype", BOUNDS)
@settings(max_examples=30)
@given(given=batch(), hidden=st.integers(1, 9))
def test_packed_ends_are_padded_ends(
    dtype: torch.dtype, given: dict[str, Any], hidden: int
) -> None:
    """Documents in any order of lengths, a column of padding behind all."""
    leaves, places = case(given, dtype, (), 0, 1.0)
    generator = torch.Generator().manual_seed(given["seed"])
    for inputs in (given["dim"], 2 * hidden):
        for shape in [(4 * hidden, inputs), (4 * hidden, hidden), (4 * hidden,), (4 * hidden,)] * 2:
            drawn = torch.randn(shape, generator=generator, dtype=torch.float64)
            leaves.append(drawn.mul(0.4).to(dtype))

    def ends(kind: Callable[..., torch.Tensor]) -> Callable[[Tensors], torch.Tensor]:
        return lambda own: kind(
            own[0], places, given["lengths"], [own[1:9], own[9:]], lambda states: states
        )

    compare(ends(lstm.packed_ends), ends(lstm.padded_ends), leaves, BOUNDS[dtype])


def test_bfloat16_is_near_float32() -> None:
    given = {
        "lengths": torch.tensor([9, 4]), "longest": 9, "distinct": 9, "dim": 16, "seed": 1
    }  # fmt: skip
    leaves, places = case(given, torch.bfloat16, (3, 4), 8, 1.0)
    leaves = [leaf.requires_grad_() for leaf in leaves]
    wide = [leaf.detach().float().requires_grad_() for leaf in leaves]
    one, other = (
        windows.maxima(own[0], places, given["lengths"], own[1:]) for own in (leaves, wide)
    )
    assert one.dtype == torch.float32
    torch.testing.assert_close(one, other, atol=0.15, rtol=0.02)
    generator = torch.Generator().manual_seed(0)
    shapes = [(18, 6), *[(20, 6), (20, 5), (20,), (20,)] * 2]
    narrow = [torch.randn(shape, generator=generator).mul(0.4).bfloat16() for shape in shapes]
    narrow = [leaf.requires_grad_() for leaf in narrow]
    wide = [leaf.detach().float().requires_grad_() for leaf in narrow]
    steps = [5, 5, 4, 2, 1, 1]
    found, expected = (recurrence.bidirectional(own[0], steps, own[1:]) for own in (narrow, wide))
    torch.testing.assert_close(found.float(), expected, atol=0.02, rtol=0.02)
    gradients = torch.autograd.grad(found.float().square().sum(), narrow)
    exact = torch.autograd.grad(expected.square().sum(), wide)
    for mine, theirs in zip(gradients, exact, strict=True):
        torch.testing.assert_close(mine.float(), theirs, atol=0.1, rtol=0.05)


def test_a_kernel_does_not_depend_on_its_threads() -> None:
    """In a process that has two: Numba is told before it is imported, and here to have one."""
    code = "from tests.test_kernels import digests; print(*digests())"
    environment = {**os.environ, "PYTHONPATH": f"src{os.pathsep}.", "NUMBA_NUM_THREADS": "2"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    found = done.stdout.split()
    assert len(found) == 3
    assert len(set(found)) == 1
    assert found[0] == digests()[0]


def digests() -> list[str]:
    """Of values and gradients with one thread, with two, and with more than there are."""
    given = {
        "lengths": torch.tensor([9, 4, 7]), "longest": 9, "distinct": 9, "dim": 33, "seed": 1
    }  # fmt: skip
    leaves, places = case(given, torch.float32, (3, 4), 40, 1.0)
    leaves = [leaf.requires_grad_() for leaf in leaves]
    found = []
    try:
        for threads in (1, 2, 1000):
            kernels.set_threads(threads)
            values = windows.maxima(leaves[0], places, given["lengths"], leaves[1:])
            tensors = [values, *torch.autograd.grad(values.square().sum(), leaves)]
            data = b"".join(tensor.detach().numpy().tobytes() for tensor in tensors)
            found.append(hashlib.sha256(data).hexdigest())
    finally:
        kernels.set_threads(1)
    return found


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_products(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_DEPTH", 7)
    generator = torch.Generator().manual_seed(0)
    left, right, weight = (
        torch.randn(size, generator=generator).to(dtype) for size in ((30, 5), (30, 4), (6, 5))
    )
    bound = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.1}[dtype]
    for strided in (left, left.T.contiguous().T):
        for values in (weight, products.packed(weight, 30)):
            torch.testing.assert_close(
                products.linear(strided, values), strided @ weight.T, atol=bound, rtol=bound
            )
        torch.testing.assert_close(
            products.transposed(strided, right), strided.T @ right, atol=bound, rtol=bound
        )


def over(own: Callable[..., Any]) -> Callable[[np.ndarray], np.ndarray]:
    """``own`` of each number of an array, compiled."""
    compiled: Callable[[np.ndarray], np.ndarray] = numba.njit(
        lambda numbers: np.array([own(number) for number in numbers])
    )
    return compiled


def test_functions_of_a_number() -> None:
    numbers = np.linspace(-100, 100, 20_001, dtype=np.float32).astype(np.float64)
    for name in ("sigmoid", "tanh"):
        own = getattr(scalars, name)
        exact = {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}[name](numbers)
        apply = over(own)
        assert np.abs(apply(numbers) - exact).max() < 1e-14
        assert np.abs(apply(numbers.astype(np.float32)) - exact).max() < 3e-7


@pytest.mark.parametrize(("scale", "bound"), [(1.0, 1e-5), (1e-3, 1e-5), (1e-6, 2e-3)])
def test_adam_on_the_rows_that_are_read_is_dense_adam(scale: float, bound: float) -> None:
    """Rows read often, rarely and never, a falling rate, and dead weights among them.

    Weights move by 0.3. Gradients of 1e-6 from the first step on are where epsilon counts most.
    """
    count, dim, steps = 80, 7, 900
    random = np.random.default_rng(0)
    generator = torch.Generator().manual_seed(0)
    mask = torch.rand(count, dim, generator=generator) < 0.7
    table = torch.randn(count, dim, generator=generator) * 0.1 * mask
    dense = nn.Parameter(table.double())
    adam = torch.optim.Adam([dense], lr=0.01)
    start = table.clone()
    schedule = rows.Schedule()
    own = rows.Rows(table, mask, schedule)
    shares = 1 / np.arange(1, count) ** 2
    for step in range(steps):
        lr = 0.01 * (1 - step / steps)
        ids = random.choice(count - 1, 4, replace=False, p=shares / shares.sum())
        read = own.read(ids)
        found = read.detach()[: len(ids)].double()
        torch.testing.assert_close(found, dense.detach()[ids], atol=bound, rtol=0)
        assert not read.detach()[len(ids) :].any()
        read.grad = torch.randn(read.shape, generator=generator) * scale
        own.step(*schedule.advance(lr))
        dense.grad = torch.zeros_like(dense)
        dense.grad[ids] = (read.grad[: len(ids)] * mask[ids]).double()
        adam.param_groups[0]["lr"] = lr
        adam.step()
    own.finish()
    torch.testing.assert_close(table.double(), dense.detach(), atol=bound, rtol=0)
    assert not table[~mask].any()
    assert torch.equal(table[-1], start[-1]), "a row that is never read does not move"
    assert (table - start).abs().max() > 0.1


@pytest.mark.parametrize("threshold", [-(2**15) + 1, -13108, 0, 2**15 - 1])
def test_dropout_takes_each_draw_below_its_threshold(threshold: int) -> None:
    """All that can be drawn, once each: those below are dropped, the threshold itself is not."""
    bits = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16)
    values = torch.full((2**15, 2), 3.0, requires_grad=True)
    dropped = dropping.dropout(values, bits, threshold, 2.0)
    stays = (bits >= threshold).view(values.shape)
    assert torch.equal(dropped.detach(), torch.where(stays, 6.0, 0.0))
    (gradient,) = torch.autograd.grad(dropped, values, torch.full_like(values, 5.0))
    assert torch.equal(gradient, torch.where(stays, 10.0, 0.0))


@given(tokens=st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=1))
def test_distinct(tokens: list[list[int]]) -> None:
    scratch = np.full(10, -1)
    given = torch.tensor(tokens)
    ids, places = rows.distinct(given, scratch)
    assert torch.equal(torch.from_numpy(ids)[places], given)
    assert list(ids) == list(dict.fromkeys(given.flatten().tolist()))
    assert (scratch == -1).all()
