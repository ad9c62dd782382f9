"""Checkpoints of a run in progress: a kill loses at most an epoch, and never a finished level.

One folder per run, outside DVC's outputs. A checkpoint is one safetensors file whose name contains
the digest of its bytes. It is written to a temporary file, synchronized and renamed. A torn or
altered one is noticed when it is read; it is reported, and its training is repeated.

Written are: after an epoch, what the next one depends on (:func:`lottery.training.loop.train`);
after a level, its remaining weights, and of the dense run the weights to rewind to after
``rewind.epoch`` epochs, and with ``patience`` those after the last one (all
:mod:`lottery.experiment.replicate`). The files that later stages read come at the end:
:mod:`lottery.experiment.run_files`.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from lottery.storage.files import write_bytes

SECONDS = 5.0
"""How much training may be lost: shorter epochs share a checkpoint."""

_METADATA = "metadata"


@dataclass(frozen=True)
class Checkpoint:
    """Tensors on the CPU, and metadata that can be written as JSON."""

    tensors: dict[str, torch.Tensor]
    metadata: dict[str, Any]


class Checkpointer:
    """The checkpoints of one run in ``folder``, which belongs to this process alone.

    An epoch is saved once ``seconds`` of training would be lost without it. ``seconds_resumed`` is
    how many seconds of training were read from checkpoints instead of repeated.
    """

    def __init__(
        self,
        folder: Path,
        seconds: float = SECONDS,
        report: Callable[[str], object] = lambda text: print(text, file=sys.stderr),
    ) -> None:
        self.folder, self.seconds_resumed = folder, 0.0
        self._seconds, self._report = seconds, report
        folder.mkdir(parents=True, exist_ok=True)
        for torn in folder.glob(".*.tmp"):
            torn.unlink()

    def read(self, name: str) -> Checkpoint | None:
        """The checkpoint ``name``, or None; one whose bytes are not those written is removed."""
        for path in sorted(self.folder.glob(f"{name}.*.safetensors")):
            content = path.read_bytes()
            if path.name == _file_name(name, content):
                checkpoint = _unpack(content)
                self.seconds_resumed += checkpoint.metadata.get("seconds", 0.0)
                return checkpoint
            self._report(f"{path}: damaged; training it again")
            path.unlink()
        return None

    def save(
        self, name: str, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, Any]
    ) -> None:
        """Write the checkpoint ``name``, in place of an earlier one.

        Raises OSError, the earlier one untouched, if it cannot be written.
        """
        content = _pack(tensors, metadata)
        path = self.folder / _file_name(name, content)
        write_bytes(path, content)
        for other in self.folder.glob(f"{name}.*.safetensors"):
            if other != path:
                other.unlink()

    def remove(self, name: str) -> None:
        """Delete the checkpoint ``name``, if there is one."""
        for path in self.folder.glob(f"{name}.*.safetensors"):
            path.unlink()

    def epochs(self, level: int) -> "EpochCheckpointer":
        """The checkpoints of the epochs of ``level``."""
        return EpochCheckpointer(self, level, self._seconds)


class NullCheckpointer(Checkpointer):
    """Saves nothing and resumes nothing: for short runs and tests."""

    def __init__(self) -> None:
        self.seconds_resumed, self._seconds = 0.0, float("inf")

    def read(self, name: str) -> Checkpoint | None:
        """None."""
        return None

    def save(
        self, name: str, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, Any]
    ) -> None:
        """Nothing."""

    def remove(self, name: str) -> None:
        """Nothing."""


class EpochCheckpointer:
    """The last epoch of the level that is being trained: one checkpoint, replaced by the next."""

    NAME = "epoch"

    def __init__(self, checkpointer: Checkpointer, level: int, seconds: float) -> None:
        self._checkpointer, self._level, self._least = checkpointer, level, seconds
        self._start = self._last = time.monotonic()
        self._before = 0.0

    def read(self) -> Checkpoint | None:
        """An earlier process's last epoch of this level, if there is one."""
        before = self._checkpointer.seconds_resumed
        checkpoint = self._checkpointer.read(self.NAME)
        if checkpoint is None:
            return None
        if checkpoint.metadata["level"] != self._level:
            self._checkpointer.seconds_resumed = before
            return None
        self._before = checkpoint.metadata["seconds"]
        return checkpoint

    def save(self, make: Callable[[], Checkpoint]) -> None:
        """Save what ``make`` returns, if enough was trained since the last time."""
        now = time.monotonic()
        if now - self._last < self._least:
            return
        checkpoint = make()
        metadata = {**checkpoint.metadata, "level": self._level, "seconds": self.seconds()}
        self._checkpointer.save(self.NAME, checkpoint.tensors, metadata)
        self._last = time.monotonic()

    def remove(self) -> None:
        """Delete the checkpoint: the level is done."""
        self._checkpointer.remove(self.NAME)

    def seconds(self) -> float:
        """Seconds of training in this level, those of earlier processes included."""
        return self._before + time.monotonic() - self._start


def _pack(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, Any]) -> bytes:
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return safetensors.torch.save(on_cpu, {_METADATA: json.dumps(metadata, allow_nan=False)})


def _unpack(content: bytes) -> Checkpoint:
    # The format: eight bytes of length, a JSON header, the tensors.
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    metadata = json.loads(header["__metadata__"][_METADATA])
    return Checkpoint(safetensors.torch.load(content), metadata)


def _file_name(name: str, content: bytes) -> str:
    return f"{name}.{hashlib.sha256(content).hexdigest()[:16]}.safetensors"
