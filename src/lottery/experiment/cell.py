"""One cell of the grid in memory: its network, its documents, its settings, its random draws."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lottery import models
from lottery.models import EMBEDDING, Weights
from lottery.storage import token_arrays
from lottery.training import batches, initializers, rng
from lottery.training.batches import Documents
from lottery.training.loop import Plan

if TYPE_CHECKING:  # the schema needs pydantic
    from lottery.config.schema import Model, Prune, Rewind, Train


@dataclass(frozen=True)
class Settings:
    """The sections of params.yaml that decide how the networks of a cell train."""

    model: Model
    train: Train
    prune: Prune
    rewind: Rewind


@dataclass(frozen=True)
class Cell:
    """What all runs of one seed, corpus and model share. ``model`` is a workspace: every level sets
    its parameters before it trains. ``vectors`` is float32 ``[rows, dim]``, ``covered`` bool
    ``[rows]``; both None for a random embedding."""

    model: nn.Module
    train_set: Documents
    validation_set: Documents
    vectors: torch.Tensor | None
    covered: torch.Tensor | None
    settings: Settings
    order: int = 0
    """Which order of the data and which dropout: 0 is that of all trainings but one, the ticket
    trained again in another order."""

    def draw(self, seed: int, purpose: str, level: int) -> Weights:
        """Fresh weights, a function of (seed, purpose, level)."""
        generator = rng.torch_generator(seed, purpose, level)
        std = self.settings.model.embedding_std
        return initializers.draw(self.model, generator, std, self.vectors, self.covered)

    def drawn(self) -> dict[str, torch.Tensor]:
        """Which weights :meth:`draw` draws at random, on the CPU, by parameter name."""
        return initializers.drawn(self.model, self.covered)

    def plan(self, seed: int, level: int, first: int) -> Plan:
        """How a level trains from the epoch ``first`` on."""
        train = self.settings.train
        return Plan(
            seed=rng.stream(seed, "other order", self.order) if self.order else seed,
            level=level,
            epochs=range(first, train.epochs),
            total_epochs=train.epochs,
            lr=train.lr,
            schedule=train.schedule,
            batch=train.batch,
            dropout=self.settings.model.dropout,
            patience=train.patience,
            sequence=self.order,
        )


def build(module: ModuleType, options: Any, settings: Model, tokens: Path) -> nn.Module:
    """The network for the corpus in ``tokens``, its weights not yet set.

    The embedding has a row per word of the corpus, up to ``models.<model>.vocabulary`` and the two
    special ones. ``module`` is the model's, ``options`` its dataclass.
    """
    size = token_arrays.read_size(tokens)
    rows = min(size.vocabulary, settings.vocabulary + 2)
    network: nn.Module = module.build(options, rows, settings.dim, models.outputs(size.classes))
    return network


def load(
    model: nn.Module, tokens: Path, settings: Settings, device: torch.device, seed: int
) -> Cell:
    """The cell of ``model``: the training and validation set of ``seed``, and the vectors if it
    starts there.

    The test set is not opened. Raises LotteryError for token arrays that are damaged, or vectors
    that do not fit the model.
    """
    rows = len(getattr(model, EMBEDDING))
    vectors = covered = None
    if settings.model.embedding == "vectors":
        arrays = token_arrays.read_vectors(tokens, rows, settings.model.dim)
        vectors, covered = (torch.from_numpy(array) for array in arrays)
    train_set, validation_set = (
        batches.load(tokens, split, rows, device, seed) for split in ("train", "validation")
    )
    return Cell(model.to(device), train_set, validation_set, vectors, covered, settings)
