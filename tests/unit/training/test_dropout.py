"""Dropout's share, its scale, and that it depends on its generator alone."""

import pytest
import torch

from lottery.training import dropout


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_dropout_scales_values_and_gradients_alike(device: str, dtype: torch.dtype) -> None:
    """More values than a thread takes at once, and not a multiple of the four a draw decides."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("the CUDA branch of dropout needs a GPU")
    for share in (0.2, 0.5, 0.9):
        generator = torch.Generator(device).manual_seed(3)
        values = torch.full((4099, 3), 2.0, dtype=dtype, device=device, requires_grad=True)
        dropped = dropout.from_generator(generator, share)(values)
        assert (dropped == 0).double().mean().item() == pytest.approx(share, abs=0.03)
        slopes = torch.full_like(values, 3.0)
        (gradient,) = torch.autograd.grad(dropped, values, slopes)
        scale = torch.where(dropped == 0, 0.0, 1 / (1 - share))
        bound = 0.02 if dtype == torch.bfloat16 else 1e-6
        for one, factor in ((dropped.detach(), 2), (gradient, 3)):
            torch.testing.assert_close(one.double(), factor * scale.double(), rtol=bound, atol=0)


def test_dropout_is_a_function_of_its_generator() -> None:
    values = torch.ones(1001, 7)
    for share in (0.2, 0.5):
        one, other = (
            dropout.from_generator(torch.Generator().manual_seed(3), share)(values)
            for _ in range(2)
        )
        assert torch.equal(one, other)
        assert (one == 0).float().mean().item() == pytest.approx(share, abs=0.02)
        assert one.unique().tolist() == [0.0, pytest.approx(1 / (1 - share))]
    assert dropout.from_generator(torch.Generator(), 0.0)(values) is values
