"""One seed of one cell whose levels train in lockstep with those of other tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lottery.experiment import replicate
from lottery.experiment.lockstep.group import Participant, Request
from lottery.experiment.replicate import _REWIND, Level, OnEpoch, _checkpoint_name
from lottery.pruning import masks
from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Start
from lottery.training import loop as single
from lottery.training.checkpointing import Checkpoint, Checkpointer
from lottery.training.lockstep.loop import Network
from lottery.training.lockstep.members import Failed
from lottery.training.loop import Diverged, Plan


def failure(checkpointer: Checkpointer, level: int) -> Failed | None:
    """Where the training of ``level`` diverged in lockstep, if it did."""
    saved = checkpointer.read(_failed_name(level))
    return Failed(saved.metadata["epoch"], saved.metadata["what"]) if saved else None


def _failed_name(level: int) -> str:
    return f"failed-{level:03d}"


@dataclass(frozen=True)
class Replicate(replicate.Replicate):
    """A :class:`lottery.experiment.replicate.Replicate` that trains with the group of its
    ``participant``.

    A level that diverged has a checkpoint too, which :func:`failure` reads: else the whole group
    would train again each time to find that out. The metadata of a level say how many ``networks``
    trained together.
    """

    participant: Participant = field(kw_only=True)

    def _train(
        self,
        start: Start,
        pruned_at: PrunedAt,
        number: int,
        after_epoch: OnEpoch,
        trained: Callable[[], object] = lambda: None,
    ) -> Level:
        """Train a level with the group and save it, or read it. Raises Diverged.

        What is saved stays as it is, whoever trained it: a stage may have read it. It trains once
        more where others of the group lack theirs, which may depend on it by rounding.
        """
        name = _checkpoint_name(number)
        request = self._request(start, pruned_at, number, after_epoch)
        saved, diverged = self._read(name, request.network.plan)
        if saved is not None or diverged is not None:
            request = replace(request, done=True, after_epoch=lambda metrics: None)
        answer = self.participant.train(request)
        if diverged is not None:
            raise diverged
        if saved is not None:
            weights = masks.restore(saved.tensors, pruned_at, number)
            return Level(number, pruned_at, weights, saved.metadata["history"])
        assert answer is not None
        result = answer.result
        if isinstance(result, Failed):
            self.checkpointer.save(_failed_name(number), {}, result._asdict())
            raise result.error(request.network.plan)
        if self._restores_best:  # an earlier process may have trained this network's last epoch
            single.load_weights(self.cell.model, result.last)
            after_epoch(result.history[-1])
        remaining = masks.survivors(result.weights, pruned_at, number)
        trained()
        metadata = {"seconds": answer.seconds, "networks": answer.networks}
        self.checkpointer.save(name, remaining, {"history": result.history, **metadata})
        weights = masks.restore(remaining, pruned_at, number)
        return Level(number, pruned_at, weights, result.history)

    def _read(self, name: str, plan: Plan) -> tuple[Checkpoint | None, Diverged | None]:
        """The checkpoint of a level, if there is one; or the error of a level that diverged."""
        try:
            failed = failure(self.checkpointer, plan.level)
            return self.checkpointer.read(name), failed and failed.error(plan)
        except Diverged as error:  # of a checkpointer that records that itself
            return None, error

    def _request(
        self, start: Start, pruned_at: PrunedAt, number: int, after_epoch: OnEpoch
    ) -> Request:
        cell, rewind = self.cell, self.cell.settings.rewind
        first = 0 if start.epoch == 0 or rewind.budget == "full" else start.epoch
        network = Network(
            start.weights,
            masks.at_level(pruned_at, number),
            cell.plan(self.seed, number, first),
            (cell.train_set, cell.validation_set),
        )
        # Only the dense run, level 0, saves weights to rewind to.
        unsaved = number == 0 and rewind.epoch > 0 and self.checkpointer.read(_REWIND) is None
        epoch = rewind.epoch if unsaved else None
        return Request(cell.model, network, after_epoch, self.on_batch, done=False, rewind=epoch)
