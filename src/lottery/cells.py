"""One cell of the grid in memory: its network, its documents, its settings, its random draws.

Needs torch, NumPy, Numba and safetensors only, so that it runs where the rest is not installed.
"""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from lottery import batches, models, seeds
from lottery.batches import Documents
from lottery.errors import LotteryError
from lottery.models import Weights
from lottery.training.loop import Plan


@dataclass(frozen=True)
class Cell:
    """What all runs of one corpus and model share. ``model`` is a workspace: every level sets its
    parameters anew. ``settings``, ``train``, ``prune``, ``rewind`` are params.yaml's sections."""

    model: nn.Module
    train_part: Documents
    validation_part: Documents
    vectors: torch.Tensor | None
    covered: torch.Tensor | None
    settings: Any
    train: Any
    rewind: Any
    order: int | None = None
    """The seed of data order and dropout, if it is not the run's own."""

    def draw(self, seed: int, purpose: str, level: int) -> Weights:
        """Fresh weights, a function of (seed, purpose, level)."""
        generator = seeds.torch_generator(seed, purpose, level)
        std = self.settings.embedding_std
        return models.draw(self.model, generator, std, self.vectors, self.covered)

    def plan(self, seed: int, level: int, first: int) -> Plan:
        """How a level trains from the epoch ``first`` on."""
        return Plan(
            seed=seed if self.order is None else self.order,
            level=level,
            epochs=range(first, self.train.epochs),
            total_epochs=self.train.epochs,
            lr=self.train.lr,
            schedule=self.train.schedule,
            batch=self.train.batch,
            dropout=self.settings.dropout,
            patience=self.train.patience,
        )


def build(module: ModuleType, options: Any, settings: Any, folder: Path) -> tuple[nn.Module, int]:
    """The model for the tokens in ``folder``, and the rows of its embedding."""
    corpus = batches.info(folder)
    rows = min(corpus.vocabulary, settings.vocabulary + 2)
    outputs = models.outputs(corpus.classes)
    return module.build(options, rows, settings.dim, outputs), rows


def load_cell(
    model: nn.Module,
    rows: int,
    folder: Path,
    device: torch.device,
    settings: Any,
    train: Any,
    rewind: Any,
) -> Cell:
    """Bring the training and validation part, and what the model needs of vectors, into place."""
    vectors = covered = None
    if settings.embedding == "vectors":
        vectors, covered = _vectors(folder, rows, settings.dim)
    return Cell(
        model.to(device),
        batches.load(folder, "train", rows, device),
        batches.load(folder, "validation", rows, device),
        vectors,
        covered,
        settings,
        train,
        rewind,
    )


def _vectors(folder: Path, rows: int, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    path = folder / "vectors.npy"
    if not path.exists():
        raise LotteryError(f"{path}: not found; tokens.vectors is null, but a model wants vectors")
    vectors = batches.array(path)
    if vectors.shape[1:] != (dim,):
        raise LotteryError(
            f"{path}: vectors of shape {vectors.shape}, but the model's dim is {dim}; "
            "make models.<model>.dim and tokens.vectors agree"
        )
    covered = np.array(batches.array(folder / "covered.npy")[:rows])
    return torch.from_numpy(np.array(vectors[:rows])), torch.from_numpy(covered)
