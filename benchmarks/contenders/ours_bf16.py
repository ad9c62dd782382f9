"""The library's own loop, computing in bfloat16."""

from collections.abc import Callable

import torch

from benchmarks.cells import Cell
from benchmarks.contenders import ours
from benchmarks.contenders.ours import prepare
from lottery.training.batches import Documents

__all__ = ["load", "prepare"]


def load(cell: Cell, documents: Documents) -> Callable[[], float]:
    """``load`` of :mod:`benchmarks.contenders.ours`, in bfloat16."""
    return ours.load(cell, documents, torch.bfloat16)
