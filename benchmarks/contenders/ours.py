"""The library's own loop."""

from collections.abc import Callable
from itertools import count

import torch

from benchmarks.cells import Cell
from benchmarks.contenders.plain import Size
from lottery.experiment import replicate
from lottery.pruning import masks
from lottery.training import device, loop, optimizers
from lottery.training.batches import Documents
from lottery.training.loop import Plan


def prepare(threads: int) -> None:
    """The library's settings."""
    device.prepare("cpu", threads)


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
    """A function that trains one more epoch by the library's loop at each call."""
    model = cell.network()
    model.precision = precision
    dense_masks = masks.at_level(replicate.pruned_at_dense(dict(model.named_parameters())), 0)
    optimizer = optimizers.build(model, dense_masks)
    settings, epochs = plan(cell), count()
    return lambda: loop.one_epoch(model, documents, optimizer, settings, next(epochs))
