"""The choice of the device, and what it sets."""

import pytest
import torch

from lottery.errors import LotteryError
from lottery.training import device


def test_a_gpu_that_is_not_there() -> None:
    if torch.cuda.is_available():
        assert device.prepare("cuda", 1).type == "cuda"
    else:
        with pytest.raises(LotteryError, match="device: cuda, but torch finds no GPU"):
            device.prepare("cuda", 1)


@pytest.mark.skipif(
    not torch.set_flush_denormal(False), reason="this processor cannot flush subnormal numbers"
)
def test_subnormal_numbers_become_zero() -> None:
    small = torch.tensor([1e-30])
    assert (small * 1e-10).view(torch.int32).item() != 0
    device.prepare("cpu", 1)
    assert (small * 1e-10).view(torch.int32).item() == 0
