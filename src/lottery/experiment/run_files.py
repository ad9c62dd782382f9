"""The files of one seed of a run; only this module writes and reads them.

- A dense run: ``init.safetensors``, ``rewind.safetensors`` and ``final.safetensors``; with
  ``patience`` also ``last.safetensors``, the weights after the last epoch.
- A pruning run: ``level-<n>.safetensors``, the remaining weights of each level, and
  ``pruned_at.safetensors``, the level at which each weight was pruned.
- A control: the same, but with a ``pruned_at-<n>.safetensors`` for each level.

All have ``epochs.csv``, a row per epoch; the last two also ``tensors.csv``, a row per level and
tensor. A run that diverged has only what :mod:`lottery.experiment.failures` writes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from lottery.errors import LotteryError
from lottery.experiment.replicate import DenseRun, Level
from lottery.models import Weights
from lottery.pruning import masks
from lottery.pruning.masks import PrunedAt
from lottery.storage import files, tensors

STATES = ("init", "rewind", "final")
"""The weights that a dense run writes."""
LAST = "last"
"""Those that it writes too if they may differ from ``final``."""
EPOCHS, TENSORS = "epochs.csv", "tensors.csv"
"""The tables of a run: a row per epoch, and a row per level and tensor."""
_REGENERATE = "run 'dvc repro' to regenerate it"


@dataclass(frozen=True)
class RunFiles:
    """The folder of one seed of a run. ``shapes`` are the shapes of the network's parameters by
    name; reading weights of other shapes raises LotteryError."""

    folder: Path
    shapes: dict[str, torch.Size]

    def write_dense(self, dense: DenseRun) -> None:
        """Write a dense run and its epochs."""
        for state in STATES:
            tensors.save(getattr(dense, state), state_path(self.folder, state))
        if dense.last is not dense.final:
            tensors.save(dense.last, state_path(self.folder, LAST))
        files.write_csv(self.folder / EPOCHS, [{"level": 0, **row} for row in dense.history])

    def read_dense(self) -> DenseRun:
        """The dense run, without its history."""
        init, rewind, final = (self.read_state(name) for name in STATES)
        last = self.read_state(LAST) if state_path(self.folder, LAST).exists() else final
        return DenseRun(init, rewind, final, last, history=[])

    def read_state(self, name: str) -> Weights:
        """One of :data:`STATES`, or :data:`LAST`."""
        return tensors.load(state_path(self.folder, name), self.shapes)

    def write_levels(self, levels: Iterable[Level], nested: bool = True) -> None:
        """Write each level as it is done, and the tables at the end.

        The levels of a pruning run are ``nested``: the last one's ``pruned_at`` has all masks. Of a
        control, each level has its own.
        """
        epochs: list[dict[str, float]] = []
        weights: list[dict[str, object]] = []
        for level in levels:
            remaining = masks.survivors(level.weights, level.pruned_at, level.number)
            tensors.save(remaining, level_path(self.folder, level.number))
            if not nested:
                tensors.save(level.pruned_at, pruned_at_path(self.folder, level.number))
            epochs += [{"level": level.number, **metrics} for metrics in level.history]
            weights += _weight_counts(level)
        if nested:
            tensors.save(level.pruned_at, pruned_at_path(self.folder))
        files.write_csv(self.folder / EPOCHS, epochs)
        files.write_csv(self.folder / TENSORS, weights)

    def read_pruned_at(self) -> PrunedAt:
        """When each weight of a pruning run was pruned."""
        return tensors.load(pruned_at_path(self.folder), self.shapes, torch.uint8)

    def read_level(self, pruned_at: PrunedAt, number: int) -> Weights:
        """The full weights of one trained level."""
        path = level_path(self.folder, number)
        try:
            return masks.restore(tensors.load(path), pruned_at, number)
        except ValueError as error:
            raise LotteryError(f"{path}: {error}; {_REGENERATE}") from None


def _weight_counts(level: Level) -> list[dict[str, object]]:
    """A row per tensor: how many weights remain at ``level``, of how many."""
    counts = masks.counts(level.pruned_at, level.number).items()
    return [
        {"level": level.number, "parameter": name, "remaining": remaining, "size": size}
        for name, (remaining, size) in counts
    ]


def state_path(folder: Path, name: str) -> Path:
    """The weights of one of :data:`STATES`, or of :data:`LAST`."""
    return folder / f"{name}.safetensors"


def state_paths(folder: Path) -> list[Path]:
    """The weights that a dense run wrote."""
    last = state_path(folder, LAST)
    return [state_path(folder, name) for name in STATES] + ([last] if last.exists() else [])


def level_path(folder: Path, level: int) -> Path:
    """The trained remaining weights of one level."""
    return folder / f"level-{level:03d}.safetensors"


def pruned_at_path(folder: Path, level: int | None = None) -> Path:
    """When each weight of a pruning run was pruned; with ``level``, of that level of a control."""
    name = "pruned_at" if level is None else f"pruned_at-{level:03d}"
    return folder / f"{name}.safetensors"
