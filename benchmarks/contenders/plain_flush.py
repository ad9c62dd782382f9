"""The careful user's program, where subnormal numbers are set to zero, as the library does."""

import torch

from benchmarks.contenders import plain
from benchmarks.contenders.plain import load

__all__ = ["load", "prepare"]


def prepare(threads: int) -> None:
    """Flush, before the first thread: each inherits the setting from the one that starts it."""
    torch.set_flush_denormal(True)
    plain.prepare(threads)
