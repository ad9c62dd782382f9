"""Dropout that draws from its own generator, not from the global one of the process."""

import torch

from lottery.kernels import dropout as kernel
from lottery.models import Dropout


def none(values: torch.Tensor) -> torch.Tensor:
    """``values`` as they are: dropout where no network is trained."""
    return values


def from_generator(generator: torch.Generator, share: float) -> Dropout:
    """Dropout of ``share`` of the values, drawn from ``generator``.

    One 64-bit draw decides four values, so ``share`` is rounded to a multiple of 2**-16. One draw
    per value took an eighth of an LSTM's step.
    """
    threshold = round(share * 2**16) - 2**15

    def dropout(values: torch.Tensor) -> torch.Tensor:
        if share == 0:
            return values
        count = values.numel()
        bits = torch.empty(-(-count // 4), dtype=torch.int64, device=values.device)
        bits.random_(-(2**63), None, generator=generator)
        draws = bits.view(torch.int16)[:count]
        if values.device.type == "cpu":
            return kernel.dropout(values, draws, threshold, 1 / (1 - share))
        keep = (draws >= threshold).view(values.shape)
        return values * (keep * (1 / (1 - share))).to(values.dtype)

    return dropout
