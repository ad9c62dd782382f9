"""The library's own loop, computing in bfloat16."""

from collections.abc import Callable

import torch

from benchmarks.cells import Cell
from benchmarks.contenders import ours
from lottery.batches import Documents


def load(cell: Cell, documents: Documents) -> Callable[[], float]:
    """As :mod:`benchmarks.contenders.ours`."""
    return ours.load(cell, documents, torch.bfloat16)
