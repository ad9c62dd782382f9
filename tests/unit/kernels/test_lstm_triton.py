"""The GPU's LSTM kernels, run by Triton's interpreter, beside their twin in plain PyTorch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lottery.training.lockstep.networks import lstm

triton = pytest.importorskip("triton", reason="Triton is for Linux only")
if tuple(map(int, triton.__version__.split(".")[:2])) < (3, 9):
    pytest.skip(
        "Triton before 3.9, which CUDA builds of torch bring, cannot interpret with NumPy 2.4",
        allow_module_level=True,
    )

from lottery.kernels import lstm_triton  # noqa: E402


def draw(
    lengths: list[list[int]], inputs: int, hidden: int, dtype: torch.dtype, seed: int
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The lengths, and the inputs and weights of networks whose documents have these lengths."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.tensor(lengths)
    networks, documents = sizes.shape
    shapes = [
        (networks, int(sizes.max()), documents, inputs),
        (networks, 2, 4 * hidden, inputs),
        (networks, 2, 4 * hidden, hidden),
        (networks, 2, 4 * hidden),
    ]
    scales = (1.0, 0.5, 0.5, 0.5)
    leaves = [
        (scale * torch.randn(shape, generator=generator)).to(dtype).requires_grad_()
        for shape, scale in zip(shapes, scales, strict=True)
    ]
    return sizes, leaves


def results(lengths: torch.Tensor, leaves: list[torch.Tensor], kernel: bool) -> list[torch.Tensor]:
    """States, and the gradients of inputs and weights."""
    inputs, *weights = leaves
    if kernel:
        states = lstm_triton.bidirectional(inputs, lengths, *weights)
    else:
        states = lstm.plain_bidirectional(inputs, lengths, lstm.Layer(*weights))
    slopes = torch.randn(states.shape, generator=torch.Generator().manual_seed(1))
    slopes = slopes.to(states.dtype)
    return [states.detach(), *torch.autograd.grad(states, leaves, slopes)]


@settings(max_examples=4)
@given(
    st.integers(1, 3).flatmap(
        lambda documents: st.lists(
            st.lists(st.integers(1, 3), min_size=documents, max_size=documents),
            min_size=1,
            max_size=2,
        )
    ),
    st.integers(1, 5),
    st.sampled_from([3, 16, 20]),
    st.integers(0, 99),
)
def test_float32_agrees_to_rounding(
    lengths: list[list[int]], inputs: int, hidden: int, seed: int
) -> None:
    drawn = draw(lengths, inputs, hidden, torch.float32, seed)
    for mine, theirs in zip(results(*drawn, True), results(*drawn, False), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


def test_more_documents_than_a_program_takes() -> None:
    lengths = [[1 + number % 3 for number in range(lstm_triton.TILE + 2)]]
    drawn = draw(lengths, 3, 16, torch.float32, 0)
    for mine, theirs in zip(results(*drawn, True), results(*drawn, False), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


def test_bfloat16_agrees_to_its_own_error() -> None:
    """Which is that of plain PyTorch in bfloat16; the kernels round their gates too."""
    lengths, leaves = draw([[4, 2, 3], [1, 4, 4]], 5, 16, torch.bfloat16, 0)
    exact = results(lengths, [leaf.detach().float().requires_grad_() for leaf in leaves], False)
    pairs = zip(results(lengths, leaves, True), results(lengths, leaves, False), exact, strict=True)
    for mine, theirs, reference in pairs:
        assert mine.dtype == torch.bfloat16
        bound = 3 * float((theirs.float() - reference).norm()) + 1e-6
        assert float((mine.float() - reference).norm()) < bound


def test_states_end_with_their_document() -> None:
    lengths, leaves = draw([[1, 3]], 2, 16, torch.float32, 0)
    states, of_inputs, *_ = results(lengths, leaves, True)
    assert not states[0, 1:, 0].any()
    assert not of_inputs[0, 1:, 0].any()
    assert states[0, :, 1].all()


def test_large_layers_are_left_to_plain_pytorch() -> None:
    assert lstm_triton.fits(256)
    assert not lstm_triton.fits(2000)
