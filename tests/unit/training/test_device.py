"""The choice of the device."""

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
