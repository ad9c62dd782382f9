"""What the process of one seed reports of how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from lottery.experiment.replicate import Replicate
    from lottery.training.loop import EpochMetrics, Plan

REPORTED_S = 0.5
"""How often a process reports from within a training, at most."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Position:
    """Where one seed is."""

    share: float
    """Of its work that is done, 0 to 1."""
    label: str
    """``level 3/21``."""
    trainings: int = 0
    """How many networks it trains in all."""
    epochs: int = 0
    """Of the training at hand; 0 while nothing is trained."""
    epochs_done: float = 0.0
    """Of the training at hand, with the part of the epoch at hand."""
    batches: int = 0
    """Of an epoch."""
    accuracy: float | None = None
    """On validation, in percent, after the last epoch."""
    is_work: bool = False
    """Whether this seed has begun to compute; what it does before is to read checkpoints."""
    run: str = ""
    """The name of its training run, where a unit has several."""

    @property
    def details(self) -> tuple[str, ...]:
        """What is shown of it, the most important first."""
        epoch = f"epoch {min(int(self.epochs_done) + 1, self.epochs)}/{self.epochs}"
        accuracy = f"accuracy {self.accuracy:.1f} %" if self.accuracy is not None else ""
        return tuple(filter(None, [self.label, epoch if self.epochs else "", accuracy]))


@dataclass(frozen=True)
class Note:
    """A line that one seed has to say."""

    text: str


@dataclass(frozen=True)
class Saved:
    """A file of the run store that has been written, but for those of an epoch."""

    path: Path


class Reporter:
    """Tells ``send`` how far one seed is. ``trained_by`` is who trains it, for the run store; the
    stage itself if it is empty. ``run`` is the name of its run, for its positions."""

    def __init__(
        self,
        send: Callable[[Position | Note | Saved], object],
        trained_by: str = "",
        run: str = "",
    ) -> None:
        self._send, self.trained_by = send, trained_by
        self.replicate: Callable[..., Replicate] | None = None
        """What makes the seed's :class:`~lottery.experiment.replicate.Replicate`, if it does not
        train alone."""
        self.networks = 1
        """How many train together."""
        self._sent = 0.0
        self._position = Position(0, "", run=run)
        self._unit, self._count, self._index = "", 1, 0
        self._start, self._share = 0.0, 1.0

    def of_run(self, name: str) -> Reporter:
        """One for the run ``name`` of several, whose positions say so."""
        return Reporter(self._send, self.trained_by, name)

    def note(self, text: str) -> None:
        """Print a line."""
        self._send(Note(text))

    def saved(self, path: Path) -> None:
        """A file of the run store has been written."""
        self._send(Saved(path))

    def track(
        self,
        items: Iterable[Item],
        unit: str,
        count: int,
        *,
        trains: bool = False,
        start: float = 0.0,
        share: float = 1.0,
    ) -> Iterator[Item]:
        """``items``, of which there are ``count``; each is done when the next is asked for.

        ``trains`` says that each is a training, which may be read from checkpoints. All of them are
        ``share`` of the seed's work, after ``start`` of it.
        """
        self._unit, self._count, self._start, self._share = unit, count, start, share
        self._index = 0
        trainings = count if trains else 0
        self._move(0.0, trainings=trainings, epochs=0, epochs_done=0.0, is_work=not trains)
        for item in items:
            yield item
            self._index += 1
            self._move(0.0, epochs=0, epochs_done=0.0)

    def after_batch(self, plan: Plan, epoch: int, batch: int, batches: int) -> None:
        """Called by the training loop: ``batch`` batches of the epoch are done."""
        now = time.monotonic()
        if self._position.is_work and now - self._sent < REPORTED_S * self.networks:
            return
        done, epochs = epoch - plan.epochs.start + batch / batches, len(plan.epochs)
        self._move(done / epochs, epochs=epochs, epochs_done=done, batches=batches, is_work=True)

    def after_epoch(self, metrics: EpochMetrics) -> None:
        """Called by the training loop; the next report carries the accuracy."""
        self._position = replace(self._position, accuracy=metrics["validation_accuracy"])

    def _move(self, part: float, **changes: Any) -> None:
        """Report: ``part`` of the item at hand is done."""
        share = self._start + self._share * (self._index + part) / self._count
        label = f"{self._unit} {min(self._index + 1, self._count)}/{self._count}"
        label = label if self._unit else ""
        self._position = replace(self._position, share=share, label=label, **changes)
        self._sent = time.monotonic()
        self._send(self._position)


SILENT = Reporter(lambda report: None)
"""Tells nobody."""
