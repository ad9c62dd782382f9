"""The dropout kernel, over all bits that can be drawn."""

import pytest
import torch

from lottery.kernels.dropout import dropout


@pytest.mark.parametrize("threshold", [-(2**15) + 1, -13108, 0, 2**15 - 1])
def test_dropout_takes_each_draw_below_its_threshold(threshold: int) -> None:
    """All that can be drawn, once each: those below are dropped, the threshold itself is not."""
    bits = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16)
    values = torch.full((2**15, 2), 3.0, requires_grad=True)
    dropped = dropout(values, bits, threshold, 2.0)
    remains = (bits >= threshold).view(values.shape)
    assert torch.equal(dropped.detach(), torch.where(remains, 6.0, 0.0))
    (gradient,) = torch.autograd.grad(dropped, values, torch.full_like(values, 5.0))
    assert torch.equal(gradient, torch.where(remains, 10.0, 0.0))
