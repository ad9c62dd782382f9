"""Tasks that run side by side and train together. See :mod:`lottery.experiment.lockstep`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Generic, TypeVar

import torch
from torch import nn

from lottery.experiment.replicate import OnEpoch
from lottery.training import loop as single
from lottery.training.checkpointing import Checkpointer, EpochCheckpointer, NullCheckpointer
from lottery.training.lockstep import loop
from lottery.training.lockstep.loop import AfterBatch, Network, Trained
from lottery.training.lockstep.members import Failed
from lottery.training.loop import EpochMetrics

SIZE = 15
"""How many networks a group has at most: three strategies of five seeds."""

Result = TypeVar("Result")
Item = TypeVar("Item")


def groups(items: Sequence[Item], size: int = SIZE) -> list[list[Item]]:
    """``items`` in order, in as few groups of at most ``size`` as there can be, as equal in size as
    they can be. A pure function: the same items make the same groups."""
    count = -(-len(items) // size)
    ends = [len(items) * number // max(1, count) for number in range(count + 1)]
    return [list(items[start:end]) for start, end in pairwise(ends)]


@dataclass(frozen=True)
class Request:
    """A training that a task waits for; ``done`` says that there is a checkpoint of its result.

    If ``rewind`` is not None, the weights after that many epochs are not saved yet: the group must
    not resume from a later epoch.
    """

    model: nn.Module
    network: Network
    after_epoch: OnEpoch
    on_batch: single.AfterBatch
    done: bool
    rewind: int | None


@dataclass(frozen=True)
class Answer:
    """The result of a training; how many ``networks`` trained together, and one's share of the
    seconds that this took."""

    result: Trained | Failed
    networks: int
    seconds: float


@dataclass(frozen=True)
class Participant:
    """What a task is given: its place in the group."""

    number: int
    wait_for: Callable[[int, Request], Answer | None]

    def train(self, request: Request) -> Answer | None:
        """The answer, once all tasks have made a request; None if all of these are done."""
        return self.wait_for(self.number, request)


Task = Callable[[Participant], Result]


def run(
    tasks: Sequence[Task[Result]],
    checkpointer: Checkpointer | None = None,
    after_batch: AfterBatch = loop.Callbacks.after_batch,
) -> list[Result]:
    """What each of ``tasks`` returns, in order.

    ``checkpointer`` has the epochs of the group that is being trained, in a folder of its own: the
    same for the same tasks, and for no others. If a task raises an error, the others are stopped,
    and it is raised here. Diverged is raised in the task whose network diverged, which may catch
    it: the others go on.
    """
    return _Group(tasks, checkpointer or NullCheckpointer(), after_batch).run()


class _Stopped(BaseException):
    """Ends a task that waits for a training that will not come."""


class _Group(Generic[Result]):
    """A thread per task, of which one runs at a time: whoever has the lock, ``_turn``."""

    def __init__(
        self, tasks: Sequence[Task[Result]], checkpointer: Checkpointer, after_batch: AfterBatch
    ) -> None:
        self._tasks, self._checkpointer, self._after_batch = tasks, checkpointer, after_batch
        self._turn = threading.Condition()
        self._running = len(tasks)
        self._stopped = False
        self._requests: dict[int, Request] = {}
        self._answers: dict[int, Answer | None] = {}
        self._results: dict[int, Result] = {}
        self._error: BaseException | None = None

    def run(self) -> list[Result]:
        """The results of all tasks."""
        threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(len(self._tasks))
        ]
        try:
            with self._turn:
                for count, thread in enumerate(threads, 1):
                    if not self._error:
                        self._begin(thread, count)
                self._train_all()
        finally:
            with self._turn:
                self._stopped = True
                self._turn.notify_all()
            for thread in threads:
                if thread.ident:
                    thread.join()
        if self._error:
            raise self._error
        return [self._results[number] for number in range(len(self._tasks))]

    def _begin(self, thread: threading.Thread, count: int) -> None:
        """Start the task number ``count``; wait for its first request, or its end. So the tasks
        take the locks of their runs in the same order in every process."""

        def has_begun() -> bool:
            ended = len(self._tasks) - self._running
            return self._error is not None or len(self._requests) + ended >= count

        thread.start()
        self._turn.wait_for(has_begun)

    def _work(self, number: int) -> None:
        with self._turn:
            try:
                if not self._stopped:
                    task = self._tasks[number]
                    self._results[number] = task(Participant(number, self._wait_for))
            except _Stopped:
                pass
            except BaseException as error:
                self._error = self._error or error
            finally:
                self._running -= 1
                self._turn.notify_all()

    def _wait_for(self, number: int, request: Request) -> Answer | None:
        self._requests[number] = request
        self._turn.notify_all()
        self._turn.wait_for(lambda: number in self._answers or self._stopped)
        if number not in self._answers:
            raise _Stopped
        return self._answers.pop(number)

    def _train_all(self) -> None:
        """Answer the requests of all tasks, again and again until none runs or one has failed."""
        for turn in count():
            if not self._all_wait():
                return
            epochs = self._checkpointer.epochs(turn)
            requests = dict(sorted(self._requests.items()))
            self._requests.clear()
            self._answers.update(_answers(requests, epochs, self._after_batch))
            self._turn.notify_all()
            self._all_wait()
            if not self._error:  # all have saved their results by now
                epochs.remove()

    def _all_wait(self) -> bool:
        """Wait until every task that runs has made a request; False if there is none to answer."""
        self._turn.wait_for(lambda: self._error or len(self._requests) == self._running)
        return not self._error and bool(self._requests)


def _answers(
    requests: Mapping[int, Request], epochs: EpochCheckpointer, after_batch: AfterBatch
) -> dict[int, Answer | None]:
    """The answer to each task's request, by the task's number."""
    listed = list(requests.values())
    if all(request.done for request in listed):
        return dict.fromkeys(requests)
    unsaved = [request.rewind for request in listed if request.rewind is not None]
    saved = epochs.read()
    if saved and unsaved and saved.metadata["epoch"] >= min(unsaved):
        epochs.remove()

    def after_epoch(
        number: int, metrics: EpochMetrics, weights: Mapping[str, torch.Tensor]
    ) -> None:
        request = listed[number]
        single.load_weights(request.model, weights)  # where its callback looks for them
        request.after_epoch(metrics)

    def each_batch(numbers: Sequence[int], epoch: int, batch: int, batches: int) -> None:
        for number in numbers:
            listed[number].on_batch(listed[number].network.plan, epoch, batch, batches)
        after_batch(numbers, epoch, batch, batches)

    callbacks = loop.Callbacks(after_epoch, each_batch)
    networks = [request.network for request in listed]
    results = loop.train(listed[0].model, networks, callbacks, epochs)
    seconds = epochs.seconds() / len(listed)
    answers = (Answer(result, len(listed), seconds) for result in results)
    return dict(zip(requests, answers, strict=True))
