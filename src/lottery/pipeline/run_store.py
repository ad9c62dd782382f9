"""The run store: the checkpoints of each seed of each run, in a folder named by its key.

The key is made of the fingerprint (parameters, inputs, code) and the provenance (machine, threads,
versions): :mod:`lottery.pipeline.resume`. Beside the checkpoints the folder has both, and

- ``trained_by.json``: who trained each level, and where;
- ``diverged-<level>.json``: at which level training diverged, and why, so that it is not repeated;
- ``left_out.json``: why a control makes no sense for the model, so that it has no level.

Whoever fills the store, a stage assembles its outputs from it.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lottery.pipeline.reporter import Reporter
from lottery.pruning.control import NotForThisModelError
from lottery.storage import files, paths
from lottery.training.checkpointing import Checkpointer, EpochCheckpointer
from lottery.training.loop import Diverged

_PROVENANCE, _TRAINED_BY, _LEFT_OUT = "provenance.json", "trained_by.json", "left_out.json"
_LEVEL = "level-"
LOCK = "lock"


@dataclass(frozen=True)
class Entry:
    """The folder of one seed of a run, and what its name is made of."""

    folder: Path
    fingerprint: Mapping[str, Any]
    provenance: Mapping[str, Any]

    def describe(self) -> None:
        """Write the fingerprint and the provenance beside the checkpoints, and that they are used
        now."""
        content = ((paths.FINGERPRINT, self.fingerprint), (_PROVENANCE, self.provenance))
        for name, value in content:
            if not (self.folder / name).exists():
                files.write_json(self.folder / name, value)
        os.utime(self.folder / paths.FINGERPRINT)

    def saved(self) -> list[Path]:
        """The files of what is done: all but the epochs of a level that is not."""
        names = {path.name for path in self.folder.glob("*.*")}
        return sorted(
            self.folder / name
            for name in names
            if name in (_TRAINED_BY, _LEFT_OUT)
            or name.startswith("diverged-")
            or (name.endswith(".safetensors") and not name.startswith(EpochCheckpointer.NAME))
        )

    def done(self, levels: Collection[int]) -> list[int]:
        """Those of ``levels`` that are trained."""
        names = {path.name.split(".")[0] for path in self.folder.glob(f"{_LEVEL}*.safetensors")}
        return [level for level in levels if level_name(level) in names]

    def nothing_to_train(self, levels: Collection[int]) -> bool:
        """Whether all ``levels`` are trained, or one of them diverged, or there are none."""
        if (self.folder / _LEFT_OUT).exists():
            return True
        diverged = any(_diverged(self.folder, level_name(level)).exists() for level in levels)
        return diverged or len(self.done(levels)) == len(levels)

    def trained_by(self) -> list[str]:
        """Who trained the levels that are in the folder, each once."""
        return list(dict.fromkeys(_read(self.folder / _TRAINED_BY).values()))


class RecordedDivergenceError(Diverged):
    """Training that diverged before, at ``level``, and would diverge again."""

    def __init__(self, level: int, reason: str) -> None:
        self.level = level
        Exception.__init__(self, reason)


class RunCheckpointer(Checkpointer):
    """The checkpoints of one seed of a run, which also record who trained what, and what diverged.

    ``reporter`` is told of each file. ``levels_trained`` says how many levels were saved here.
    ``before_training`` is called when a level is missing.
    """

    def __init__(self, entry: Entry, seconds: float, trained_by: str, reporter: Reporter) -> None:
        super().__init__(entry.folder, seconds)
        self.entry, self.levels_trained = entry, 0
        self.before_training: Callable[[], object] = lambda: None
        self._trained_by, self._reporter = f"{trained_by} on {socket.gethostname()}", reporter
        if reporter.networks > 1:
            self._trained_by += f" ({reporter.networks} networks in lockstep)"

    def read(self, name: str) -> Any:
        """The checkpoint ``name``, or None. Raises Diverged for a level that diverged before."""
        if failure := _read(_diverged(self.folder, name)):
            raise RecordedDivergenceError(failure["level"], failure["reason"])
        checkpoint = super().read(name)
        if checkpoint is None and name.startswith(_LEVEL):
            self.before_training()
        return checkpoint

    def save(
        self, name: str, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, Any]
    ) -> None:
        """Write the checkpoint ``name``, in place of an earlier one; of a level, who trained it."""
        super().save(name, tensors, metadata)
        if name == EpochCheckpointer.NAME:
            return
        for path in self.folder.glob(f"{name}.*.safetensors"):
            self._reporter.saved(path)
        if name.startswith(_LEVEL):
            path = self.folder / _TRAINED_BY
            files.write_json(path, {**_read(path), name: self._trained_by})
            self._reporter.saved(path)
            self.levels_trained += 1

    @contextmanager
    def recorded(self) -> Iterator[RunCheckpointer]:
        """A block that trains. Records that it diverged, or that there is nothing to train, and
        raises it again."""
        try:
            yield self
        except Diverged as error:
            self._record(
                _diverged(self.folder, level_name(error.level)),
                {"level": error.level, "reason": str(error)},
            )
            raise
        except NotForThisModelError as error:
            self._record(self.folder / _LEFT_OUT, {"reason": str(error)})
            raise

    def _record(self, path: Path, content: Mapping[str, Any]) -> None:
        files.write_json(path, content)
        self._reporter.saved(path)


def level_name(level: int) -> str:
    """The name of a level's checkpoint, as :mod:`lottery.experiment.replicate` has it."""
    return f"{_LEVEL}{level:03d}"


def _diverged(folder: Path, name: str) -> Path:
    return folder / f"diverged-{name}.json"


def _read(path: Path) -> dict[str, Any]:
    """What a file of ours has; empty if it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
