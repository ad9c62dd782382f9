"""The library's own loop."""

from collections.abc import Callable
from itertools import count

import torch

from benchmarks.cells import Cell
from benchmarks.contenders.plain import Size
from lottery import runs
from lottery.batches import Documents
from lottery.pruning import masks
from lottery.training import loop, optimisers
from lottery.training.loop import Plan


def plan(
    cell: Cell, seed: int = 0, level: int = 0, epochs: int = 1000, dropout: float = 0.5
) -> Plan:
    """The study's settings for the cell."""
    return Plan(
        seed=seed, level=level, epochs=range(epochs), total_epochs=epochs, lr=cell.lr,
        schedule="constant", batch=Size, dropout=dropout, patience=None,
    )  # fmt: skip


def load(
    cell: Cell, documents: Documents, precision: torch.dtype = torch.float32
) -> Callable[[], float]:
    """One epoch of the library's loop after the other."""
    model = cell.network()
    model.precision = precision
    alive = masks.at_level(runs.record_of(dict(model.named_parameters())), 0)
    optimiser = optimisers.build(model, alive)
    own, epochs = plan(cell), count()
    return lambda: loop.one_epoch(model, documents, optimiser, own, next(epochs))
