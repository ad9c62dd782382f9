"""The device and the settings that make its arithmetic repeatable."""

import ctypes
import os
import sys

import torch

from lottery import kernels
from lottery.errors import LotteryError

_KEEP = {-1: 2**31 - 1, -3: 2**30}
"""glibc's mallopt: M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, in bytes."""


def prepare(name: str, threads: int) -> torch.device:
    """``auto``, ``cpu`` or ``cuda`` as a device, set up to give the same bytes each time.

    The settings are the process's, so a stage calls this once, first. The number of threads is
    part of it: sums are split by thread. Raises LotteryError for a GPU that is not there.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise LotteryError("device: cuda, but torch finds no GPU here; use auto or cpu")
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    # As use_deterministic_algorithms(True), which also imports the compiler: two seconds a stage.
    torch.set_deterministic_debug_mode("error")
    # Every tensor of ours is written before it is read; filling each first costs a fifth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_num_threads(threads)
    kernels.set_threads(threads)
    if sys.platform == "linux":
        _keep_memory()
    use_cuda = name == "cuda" or (name == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if use_cuda else "cpu")


def _keep_memory() -> None:
    """Have the allocator keep freed memory for the next step, where it is glibc's.

    By default large tensors are mapped anew each time, and the kernel clears their pages: a third
    of an LSTM's step. Anything that is not glibc ignores it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in _KEEP.items():
            mallopt(option, value)
