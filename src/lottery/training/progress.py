"""What a run has done so far, kept so that a kill loses an epoch and never a level.

One directory a run, outside DVC's outputs. A state is one safetensors file whose name carries the
digest of its bytes: it is written beside, synchronised and renamed, and a torn or altered one is
found out when it is read, reported, and done again.
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

from lottery.files import write_bytes

SECONDS = 5.0
"""Of training that may be lost: epochs that are shorter are kept together."""

_FACTS = "facts"


@dataclass(frozen=True)
class State:
    """Tensors on the CPU, and facts that JSON can hold."""

    tensors: dict[str, torch.Tensor]
    facts: dict[str, Any]


class Progress:
    """The states of one run in ``folder``, which belongs to this process alone.

    ``seconds`` are those after which an epoch's state is worth keeping. ``saved`` adds up the
    seconds of training that were read back instead of done.
    """

    def __init__(
        self,
        folder: Path,
        seconds: float = SECONDS,
        report: Callable[[str], object] = lambda text: print(text, file=sys.stderr),
    ) -> None:
        self.folder, self.saved = folder, 0.0
        self._seconds, self._report = seconds, report
        folder.mkdir(parents=True, exist_ok=True)
        for torn in folder.glob(".*.tmp"):
            torn.unlink()

    def read(self, name: str) -> State | None:
        """The state ``name``, or None; one whose bytes are not those written is removed."""
        for path in sorted(self.folder.glob(f"{name}.*.safetensors")):
            content = path.read_bytes()
            if path.name == _file_name(name, content):
                state = _unpack(content)
                self.saved += state.facts.get("seconds", 0.0)
                return state
            self._report(f"{path}: damaged; what it held is trained again")
            path.unlink()
        return None

    def keep(
        self, name: str, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]
    ) -> None:
        """Write the state ``name``; it takes the place of an earlier one.

        Raises OSError, the earlier one untouched, if it cannot be written.
        """
        content = _pack(tensors, facts)
        path = self.folder / _file_name(name, content)
        write_bytes(path, content)
        for other in self.folder.glob(f"{name}.*.safetensors"):
            if other != path:
                other.unlink()

    def drop(self, name: str) -> None:
        """Remove the state ``name``, if it is there."""
        for path in self.folder.glob(f"{name}.*.safetensors"):
            path.unlink()

    def epochs(self, level: int) -> "Epochs":
        """Where ``level`` keeps its epochs."""
        return Epochs(self, level, self._seconds)


class Epochs:
    """The last epoch of the level that is being trained: one state, replaced by the next."""

    NAME = "epoch"

    def __init__(self, progress: Progress, level: int, seconds: float) -> None:
        self._progress, self._level, self._least = progress, level, seconds
        self._start = self._last = time.monotonic()
        self._before = 0.0

    def read(self) -> State | None:
        """The state of an earlier process's epoch of this level, if there is one."""
        before = self._progress.saved
        state = self._progress.read(self.NAME)
        if state is None:
            return None
        if state.facts["level"] != self._level:
            self._progress.saved = before
            return None
        self._before = state.facts["seconds"]
        return state

    def keep(self, make: Callable[[], State]) -> None:
        """Keep what ``make`` gives, if enough was trained since the last time."""
        now = time.monotonic()
        if now - self._last < self._least:
            return
        state = make()
        facts = {**state.facts, "level": self._level, "seconds": self.seconds()}
        self._progress.keep(self.NAME, state.tensors, facts)
        self._last = time.monotonic()

    def seconds(self) -> float:
        """Seconds of training in this level, those of earlier processes too."""
        return self._before + time.monotonic() - self._start


def _pack(tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> bytes:
    own = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return safetensors.torch.save(own, {_FACTS: json.dumps(facts, allow_nan=False)})


def _unpack(content: bytes) -> State:
    # The format: eight bytes of length, a JSON header, the tensors.
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    facts = json.loads(header["__metadata__"][_FACTS])
    return State(safetensors.torch.load(content), facts)


def _file_name(name: str, content: bytes) -> str:
    return f"{name}.{hashlib.sha256(content).hexdigest()[:16]}.safetensors"
