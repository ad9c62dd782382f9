"""What a person is told of a stage's seeds, from what their processes report."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from lottery.pipeline.reporter import Note, Position, Saved
from lottery.progress import Display, Status, about

LONG_S = 60.0
"""How long an epoch may take without a word about it."""
MEASURED_S = 10.0
"""How long batches are timed before the time of an epoch is estimated. On a GPU the first ones only
wait in a queue."""


class SeedsProgress:
    """How far all seeds of a stage are, ``processes`` of them at a time. ``clock`` returns seconds.

    One thread updates it and another one reads it.
    """

    def __init__(
        self,
        name: str,
        seeds: int,
        processes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._seeds, self._processes, self._clock = name, seeds, processes, clock
        self._lock = threading.Lock()
        self._running: dict[int, _Seed] = {}
        self._speeds: list[float] = []
        """Of the seeds that are done, as shares of a seed's work per second."""
        self._done = 0
        self._long_epoch_is_said = False

    def began(self, seed: int) -> None:
        """A process has taken up ``seed``."""
        with self._lock:
            self._running[seed] = _Seed(self._clock(), Position(0, ""))

    def moved(self, seed: int, position: Position) -> None:
        """A seed has reported where it is."""
        with self._lock:
            self._running[seed].moved(position, self._clock())

    def finished(self, seed: int) -> str:
        """A seed is done: a line for a log."""
        with self._lock:
            now, entry = self._clock(), self._running.pop(seed)
            self._done += 1
            if speed := entry.speed():
                self._speeds.append(speed)
        accuracy = entry.position.accuracy
        reached = "" if accuracy is None else f", validation accuracy {accuracy:.2f} %"
        status = self.status()
        left = f"; about {about(left_s)} left" if (left_s := status.left_s or 0) >= 1 else ""
        return (
            f"{self._name}: seed {seed} took {about(now - entry.began)}{reached}; "
            f"{status.details[0]} done{left}"
        )

    def status(self) -> Status:
        """How far they are. The details are of the seed that is least far."""
        with self._lock:
            now, running = self._clock(), list(self._running.values())
            share = self._done + sum(entry.position.share for entry in running)
            last = min(running, key=lambda entry: entry.position.share, default=None)
            details = last.position.details if last else ()
            counted = f"{self._done}/{self._seeds} seeds"
            left = self._left(running, now)
            return Status(self._name, (counted, *details), share / self._seeds, left)

    def _left(self, running: list[_Seed], now: float) -> float | None:
        """About how many seconds are left, from the speed so far.

        None if nothing has been measured. Seeds that wait start where one ends; levels to come may
        be shorter or longer.
        """
        if not running:
            return None
        measured = {id(entry): speed for entry in running if (speed := entry.speed())}
        speeds = [*self._speeds, *measured.values()]
        if not speeds:
            return None
        mean = sum(speeds) / len(speeds)
        ends = [entry.left(measured.get(id(entry), mean), now) for entry in running]
        heapq.heapify(ends)
        for _ in range(self._seeds - self._done - len(running)):
            heapq.heapreplace(ends, ends[0] + 1 / mean)
        return max(ends)

    def long_epoch(self) -> str | None:
        """Once, if an epoch takes more than a minute: how long it takes, and how many there are."""
        with self._lock:
            if self._long_epoch_is_said:
                return None
            for entry in self._running.values():
                if (text := entry.long_epoch(self._clock())) is None:
                    continue
                self._long_epoch_is_said = True
                epochs, levels = entry.position.epochs, entry.position.trainings
                count = f"{epochs} epoch{'s' if epochs > 1 else ''}"
                times = f" x {levels} levels" if levels > 1 else ""
                return f"{self._name}: {text}, {count}{times} per seed"
        return None


@dataclass
class _Seed:
    """What is measured of a seed that is being worked on."""

    began: float
    position: Position
    first: tuple[float, Position] | None = None
    """When it began to compute, and where; what came before was read from checkpoints."""
    last: float = 0.0

    def moved(self, position: Position, now: float) -> None:
        if self.first is None and position.is_work:
            self.first = now, position
        self.position, self.last = position, now

    def speed(self) -> float:
        """The share of its work that it does per second; 0 if that cannot be told yet."""
        if self.first is None or self.last <= self.first[0]:
            return 0.0
        return (self.position.share - self.first[1].share) / (self.last - self.first[0])

    def left(self, speed: float, now: float) -> float:
        """The seconds that it still takes at ``speed``."""
        since = now - self.last if self.first else 0.0
        return max(0.0, (1 - self.position.share) / speed - since)

    def long_epoch(self, now: float) -> str | None:
        """How long an epoch of the first training takes; None if it is short or cannot be told."""
        if self.first is None or self.position.epochs == 0:
            return None
        began, begin = self.first
        if self.position.label != begin.label:
            return None
        if now - self.last > LONG_S:  # the batches before tell nothing of its length
            return f"a batch (or validation) has taken {about(now - self.last)} and goes on"
        done = self.position.epochs_done - begin.epochs_done
        # The first batch is not measured: it compiles and fills caches.
        if self.last - began < MEASURED_S or done <= 0:
            return None
        seconds = (self.last - began) / done
        return f"about {about(seconds)} per epoch" if seconds > LONG_S else None


@dataclass(frozen=True)
class Console:
    """Where the reports of a stage's seeds go."""

    progress: SeedsProgress
    display: Display

    def heard(self, seed: int, report: Position | Note | Saved) -> None:
        """A seed has reported something."""
        if isinstance(report, Note):
            self.display.line(report.text)
        elif isinstance(report, Position):
            self.progress.moved(seed, report)

    def finished(self, seed: int) -> None:
        """A seed is done. A terminal has that in its line already."""
        text = self.progress.finished(seed)
        if not self.display.is_terminal:
            self.display.line(text)
