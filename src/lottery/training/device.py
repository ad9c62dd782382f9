"""The device and the settings that make its arithmetic repeatable."""

import ctypes
import os
import sys
import warnings

import torch

from lottery import kernels
from lottery.errors import LotteryError

_MALLOC_THRESHOLDS = {-1: 2**31 - 1, -3: 2**30}
"""For glibc's mallopt: M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, in bytes."""

DTYPES = {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16}
"""The dtype that a network computes in, by ``precision`` of params.yaml. ``tf32`` is float32 whose
products a GPU may round (:func:`prepare`)."""


def choose(name: str) -> torch.device:
    """The device for ``name``, which is ``auto``, ``cpu`` or ``cuda``.

    Raises LotteryError for ``cuda`` if no GPU is available.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise LotteryError("device: cuda, but torch finds no GPU here; use auto or cpu")
    use_cuda = name == "cuda" or (name == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if use_cuda else "cpu")


def prepare(name: str, threads: int, precision: str = "float32") -> torch.device:
    """The device for ``name``, set up to give the same bytes each time.

    The settings apply to the whole process, so a stage calls this once, first. ``threads`` is one
    of them, because sums are split by thread. ``precision`` is a key of :data:`DTYPES`: a GPU may
    round the factors of float32 products to 10 bits (TF32) only if it is ``tf32``; a CPU never
    does. Raises LotteryError for ``cuda`` if no GPU is available.

    Subnormal numbers (below 1.2e-38 in float32) become zero in every thread that computes. The
    gradients of long documents are full of them, and a processor may compute with them slowly: an
    LSTM's step on IMDb took seven times as long on an Intel Xeon.
    """
    device = choose(name)
    # Before the first thread: each inherits the setting from the one that starts it, PyTorch's and
    # Numba's alike. One that is there already would keep its own.
    torch.set_flush_denormal(True)
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    # The same as use_deterministic_algorithms(True), which also imports torch's compiler: two
    # seconds per stage.
    torch.set_deterministic_debug_mode("error")
    # All our tensors are written before they are read; filling each first costs a fifth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    _allow_tf32(precision == "tf32")
    torch.set_num_threads(threads)
    kernels.set_threads(threads)
    if sys.platform == "linux":
        _keep_freed_memory()
    return device


def _allow_tf32(allowed: bool) -> None:
    """Whether a GPU may compute float32 products in TF32: by default cuDNN does, cuBLAS does not.

    The first of the two is for cuDNN's convolutions and LSTM alike. The newer settings
    (``fp32_precision``, per operation) do not change these two, and PyTorch raises an error where
    it reads one of these and they disagree.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Please use the new API settings to control TF32")
        torch.backends.cudnn.allow_tf32 = allowed
        torch.backends.cuda.matmul.allow_tf32 = allowed


def _keep_freed_memory() -> None:
    """Make glibc's allocator keep freed memory for the next step; any other has no such setting.

    By default large tensors are mapped again each time, and the operating system clears their
    pages: a third of an LSTM's step.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in _MALLOC_THRESHOLDS.items():
            mallopt(option, value)
