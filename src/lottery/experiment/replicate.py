"""One seed of one cell: where training, models and pruning meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from lottery import models
from lottery.errors import LotteryError
from lottery.experiment import pruning
from lottery.experiment.cell import Cell
from lottery.models import EMBEDDING, Weights
from lottery.pruning import masks
from lottery.pruning.criterion import Criterion
from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Dense, Start, Strategy
from lottery.storage.token_arrays import PAD
from lottery.training import loop, rng
from lottery.training.checkpointing import Checkpointer, EpochCheckpointer, NullCheckpointer
from lottery.training.loop import AfterBatch, Callbacks, EpochMetrics

OnEpoch = Callable[[EpochMetrics], object]
"""Called after each epoch that is trained here; not for those that are resumed."""

_REWIND, _LAST = "rewind", "last"


@dataclass(frozen=True)
class DenseRun:
    """The weights of the dense network: as drawn (``init``), after ``rewind.epoch`` epochs
    (``rewind``), and at the end (``final``), which are evaluated and decide what is pruned.

    ``last`` are those after the last epoch that was trained: with ``patience``, ``final`` are those
    of the best epoch. Without, both are the same object.
    """

    init: Weights
    rewind: Weights
    final: Weights
    last: Weights
    history: list[EpochMetrics]


@dataclass(frozen=True)
class Level:
    """One trained level: which weights were pruned when, and the weights (zero where pruned)."""

    number: int
    pruned_at: PrunedAt
    weights: Weights
    history: list[EpochMetrics]


@dataclass(frozen=True)
class Replicate:
    """One seed of one cell, with the checkpoints of the run at hand."""

    cell: Cell
    seed: int
    checkpointer: Checkpointer = field(default_factory=NullCheckpointer)
    on_epoch: OnEpoch = lambda metrics: None
    on_batch: AfterBatch = Callbacks.after_batch

    def dense_run(self) -> DenseRun:
        """Train the dense network, or resume its training.

        Raises Diverged, and LotteryError if it stopped before the epoch to rewind to.
        """
        init = self.cell.draw(self.seed, "init", 0)
        rewind_epoch = self.cell.settings.rewind.epoch
        rewind = self._resume_rewind(init)
        last = self._resume_last()

        def after_epoch(metrics: EpochMetrics) -> None:
            nonlocal rewind, last
            if metrics["epoch"] == rewind_epoch:
                rewind = loop.copy_weights(self.cell.model)
                self.checkpointer.save(_REWIND, rewind, {})
            if self._restores_best:
                last = loop.copy_weights(self.cell.model)
            self.on_epoch(metrics)

        def trained() -> None:
            # No checkpoint has the last epoch, so it was trained in this process.
            if last is not None:
                self.checkpointer.save(_LAST, last, {})

        dense = self._train(Start(init, 0), pruned_at_dense(init), 0, after_epoch, trained)
        if len(dense.history) < rewind_epoch:
            raise LotteryError(
                f"rewind.epoch: {rewind_epoch}, but the dense run of seed {self.seed} stopped "
                f"early after {len(dense.history)} epochs; rewind to an earlier one or raise "
                "train.<cell>.patience"
            )
        final = dense.weights
        return DenseRun(init, rewind, final, final if last is None else last, dense.history)

    @property
    def _restores_best(self) -> bool:
        """Whether a training ends with the weights of its best epoch, not of its last."""
        return self.cell.settings.train.patience is not None

    def _resume_rewind(self, init: Weights) -> Weights:
        """The weights to rewind to, if an earlier process saved them, else ``init``."""
        epoch = self.cell.settings.rewind.epoch
        if epoch == 0:
            return init
        if checkpoint := self.checkpointer.read(_REWIND):
            return checkpoint.tensors
        # Without the weights to rewind to, what was trained after them is of no use.
        for name in (_checkpoint_name(0), EpochCheckpointer.NAME):
            later = self.checkpointer.read(name)
            if later and len(later.metadata["history"]) >= epoch:
                self.checkpointer.remove(name)
        self.checkpointer.seconds_resumed = 0
        return init

    def _resume_last(self) -> Weights | None:
        """With ``patience``, the weights after the last epoch if an earlier process saved them."""
        if not self._restores_best:
            return None
        if checkpoint := self.checkpointer.read(_LAST):
            return checkpoint.tensors
        # They are saved before the level is: a level that is done without them is of no use.
        self.checkpointer.remove(_checkpoint_name(0))
        return None

    def pruning_run(
        self, strategy: Strategy, criterion: Criterion, dense: DenseRun
    ) -> Iterator[Level]:
        """The levels of iterative pruning from a dense run, one after the other, from level 1.

        Each level prunes by the scores that ``criterion`` gives the trained weights of the level
        before, sets the remaining ones as the strategy says, and trains (Frankle and Carbin 2019,
        section 1; rewinding as in Frankle et al. 2020). A checkpoint has only a level's remaining
        weights; the masks are computed from them again.
        Raises Diverged, and LotteryError for weights that cannot be pruned.
        """
        prune = self.cell.settings.prune
        output_layer = models.output_layer(self.cell.model)
        rates = pruning.rates(dense.init, prune, output_layer)
        source = self.start_from(dense)
        trained, pruned_at = dense.final, pruned_at_dense(dense.final)
        for level in range(1, pruning.levels(pruned_at, prune, output_layer) + 1):
            generator = partial(rng.torch_generator, self.seed, "prune", level)
            try:
                scores = criterion(trained, generator)
                pruned_at = masks.prune(scores, pruned_at, level, rates, prune.scope)
            except ValueError as error:
                raise LotteryError(
                    f"seed {self.seed}: {error}; run 'dvc repro' on its dense run"
                ) from None
            done = self.train_level(strategy(source, level, trained), pruned_at, level)
            trained = done.weights
            yield done

    def train_level(self, start: Start, pruned_at: PrunedAt, level: int) -> Level:
        """Train what remains of ``pruned_at`` at ``level``, from ``start``; or resume it.

        Raises Diverged.
        """
        return self._train(start, pruned_at, level, self.on_epoch)

    def start_from(self, dense: DenseRun) -> Dense:
        """What a strategy or a control may start from."""
        fresh = partial(self.cell.draw, self.seed, "reinit")
        epoch = self.cell.settings.rewind.epoch
        return Dense(dense.init, dense.rewind, epoch, dense.final, dense.last, fresh, EMBEDDING)

    def _train(
        self,
        start: Start,
        pruned_at: PrunedAt,
        number: int,
        after_epoch: OnEpoch,
        trained: Callable[[], object] = lambda: None,
    ) -> Level:
        """Train a level and save it, or read it. ``trained`` is called before it is saved."""
        name = _checkpoint_name(number)
        if checkpoint := self.checkpointer.read(name):
            weights = masks.restore(checkpoint.tensors, pruned_at, number)
            return Level(number, pruned_at, weights, checkpoint.metadata["history"])
        cell = self.cell
        first = start.epoch
        # The budget is not read for the dense run: of `rewind`, dvc.yaml names the epoch only.
        if first and cell.settings.rewind.budget == "full":
            first = 0
        plan = cell.plan(self.seed, number, first)
        loop.load_weights(cell.model, start.weights)
        splits = cell.train_set, cell.validation_set
        level_masks = masks.at_level(pruned_at, number)
        epochs = self.checkpointer.epochs(number)
        callbacks = Callbacks(after_epoch, self.on_batch)
        history = loop.train(cell.model, splits, level_masks, plan, callbacks, epochs)
        remaining = masks.survivors(loop.copy_weights(cell.model), pruned_at, number)
        trained()
        self.checkpointer.save(name, remaining, {"history": history, "seconds": epochs.seconds()})
        epochs.remove()
        return Level(number, pruned_at, masks.restore(remaining, pruned_at, number), history)


def _checkpoint_name(level: int) -> str:
    return f"level-{level:03d}"


def pruned_at_dense(weights: Weights) -> PrunedAt:
    """``pruned_at`` of a dense network: everything remains but the padding row."""
    if EMBEDDING not in weights:
        raise LotteryError(f"no '{EMBEDDING}' among the weights: {', '.join(weights)}")
    return masks.dense(weights, EMBEDDING, PAD)
