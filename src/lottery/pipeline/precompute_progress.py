"""How far the training of the pending runs is, in one line with the time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lottery.pipeline.reporter import Position
from lottery.progress import Status

MEASURED_S = 20.0
"""After so long the speed so far counts, and no longer the estimate."""


@dataclass
class _Running:
    """How much of a run is done: ``first`` was read from checkpoints, ``share`` is now."""

    first: float = 0.0
    share: float = 0.0
    has_worked: bool = False

    def trained(self) -> float:
        """The share of what it had to train."""
        return (self.share - self.first) / (1 - self.first) if self.first < 1 else 1.0


class PrecomputeProgress:
    """How far the runs are that have ``seconds`` of work each, ``slots`` of them at a time.

    ``clock`` returns seconds. One thread updates it and another one reads it.
    """

    def __init__(
        self,
        seconds: Mapping[str, float],
        slots: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds, self._slots, self._clock = seconds, slots, clock
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._ended: set[str] = set()
        self._failed: set[str] = set()
        self._trained = 0.0
        """Seconds of estimated work that are done, of the runs that have ended."""
        self._start: float | None = None

    def began(self, name: str) -> None:
        """A run has been started."""
        with self._lock:
            self._running[name] = _Running()

    def moved(self, name: str, position: Position) -> None:
        """A run is at ``position``."""
        with self._lock:
            run = self._running[name]
            run.share = position.share
            if not position.is_work or not run.has_worked:
                run.first = position.share
            if position.is_work:
                run.has_worked = True
                self._start = self._clock() if self._start is None else self._start

    def ended(self, name: str, failed: bool = False) -> None:
        """A run is done, or will not be."""
        with self._lock:
            run = self._running.pop(name, None)
            if run and run.has_worked and name not in self._ended:
                self._trained += self._seconds.get(name, 0.0)
            self._ended.add(name)
            if failed:
                self._failed.add(name)

    def status(self) -> Status:
        """How far they are."""
        with self._lock:
            running = {
                name: run.trained() * self._seconds.get(name, 0.0)
                for name, run in self._running.items()
            }
            ended = sum(self._seconds.get(name, 0.0) for name in self._ended)
            total = sum(self._seconds.values())
            done = ended + sum(running.values())
            details = [f"{len(self._ended)}/{len(self._seconds)} runs"]
            details += [f"{len(running)} running"] if running else []
            details += [f"{len(self._failed)} failed"] if self._failed else []
            left_s = (total - done) / self._speed(self._trained + sum(running.values()))
            return Status("precompute", tuple(details), done / total if total else 1.0, left_s)

    def _speed(self, trained: float) -> float:
        """Seconds of estimated work that are done per second."""
        elapsed = 0.0 if self._start is None else self._clock() - self._start
        if elapsed < MEASURED_S or trained <= 0:
            return self._slots
        return trained / elapsed
