"""One seed's dense run and one seed's pruning chain: where training, models and pruning meet.

Needs torch, NumPy, Numba and safetensors only, so that it runs where the rest is not installed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from lottery import models, seeds
from lottery.batches import PAD
from lottery.cells import Cell
from lottery.errors import LotteryError
from lottery.models import EMBEDDING, Weights
from lottery.pruning import masks
from lottery.pruning.criterion import Criterion
from lottery.pruning.masks import RemovedAt
from lottery.pruning.strategy import Dense, Start, Strategy
from lottery.training import loop
from lottery.training.loop import Plan, Row
from lottery.training.progress import Epochs, Progress

OnEpoch = Callable[[int, Row], object]


@dataclass(frozen=True)
class DenseRun:
    """The weights of the dense network: as drawn, after ``rewind.epoch`` epochs, and the state
    that is evaluated and pruned by."""

    init: Weights
    rewind: Weights
    final: Weights
    history: list[Row]


@dataclass(frozen=True)
class Level:
    """One trained level of a chain: the record of what went, and the weights (zero where gone)."""

    number: int
    removed_at: RemovedAt
    weights: Weights
    history: list[Row]


def dense(cell: Cell, seed: int, on_epoch: OnEpoch, progress: Progress | None = None) -> DenseRun:
    """Train the dense network of one seed; ``progress`` keeps its epochs, and what it ends with."""
    init = cell.draw(seed, "init", 0)
    kept = {"rewind": init}
    done = progress.read(_level(0)) if progress else None
    early = progress.read("rewind") if progress else None
    if early:
        kept["rewind"] = early.tensors
    elif progress and cell.rewind.epoch:
        # Without the state to rewind to, what came after it is no use.
        done, last = None, progress.read(Epochs.NAME)
        if last and len(last.facts["rows"]) >= cell.rewind.epoch:
            progress.drop(Epochs.NAME)
        progress.saved = 0
    if done:
        history = done.facts["history"]
        for row in history:
            on_epoch(int(row["epoch"]), row)
        return DenseRun(init, kept["rewind"], done.tensors, history)

    def after_epoch(number: int, row: Row) -> None:
        if number == cell.rewind.epoch:
            kept["rewind"] = loop.copy_weights(cell.model)
            if progress:
                progress.keep("rewind", kept["rewind"], {})
        on_epoch(number, row)

    epochs = progress.epochs(0) if progress else None
    history = _train(cell, cell.plan(seed, 0, 0), init, record_of(init), after_epoch, epochs)
    if len(history) < cell.rewind.epoch:
        raise LotteryError(
            f"rewind.epoch: {cell.rewind.epoch}, but the dense run of seed {seed} stopped early "
            f"after {len(history)} epochs; rewind to an earlier one or raise train.<cell>.patience"
        )
    final = loop.copy_weights(cell.model)
    if progress and epochs:
        progress.keep(_level(0), final, {"history": history, "seconds": epochs.seconds()})
        progress.drop(epochs.NAME)
    return DenseRun(init, kept["rewind"], final, history)


def chain(
    cell: Cell,
    strategy: Strategy,
    criterion: Criterion,
    dense_run: DenseRun,
    seed: int,
    prune: Any,
    on_epoch: OnEpoch,
    progress: Progress | None = None,
) -> Iterator[Level]:
    """Iterative pruning from a dense run, one level after the other, from level 1.

    Each level prunes by what ``criterion`` makes of the trained weights of the one before, sets
    the survivors as the strategy says, and trains (Frankle and Carbin 2019, section 1; rewinding
    as in Frankle et al. 2020).
    ``progress`` keeps each level's survivors: the masks follow from them, by pruning again.
    """
    source = source_of(cell, dense_run, seed)
    names = prunable(dense_run.init, prune.parameters)
    trained = dense_run.final
    record = record_of(trained)
    for level in range(1, levels(record, prune) + 1):
        try:
            scores = criterion.scores(trained, partial(seeds.torch_generator, seed, "prune", level))
            record = masks.prune(scores, record, level, prune.rate, prune.scope, names)
        except ValueError as error:
            raise LotteryError(f"seed {seed}: {error}; run 'dvc repro' on its dense run") from None
        start = strategy.start(source, level, trained)
        done = train_level(cell, start, record, level, seed, on_epoch, progress)
        trained = done.weights
        yield done


def source_of(cell: Cell, dense_run: DenseRun, seed: int) -> Dense:
    """What a strategy or a control may start from."""
    fresh = partial(cell.draw, seed, "reinit")
    return Dense(
        dense_run.init, dense_run.rewind, cell.rewind.epoch, dense_run.final, fresh, EMBEDDING
    )


def train_level(
    cell: Cell,
    start: Start,
    record: RemovedAt,
    level: int,
    seed: int,
    on_epoch: OnEpoch,
    progress: Progress | None = None,
) -> Level:
    """Train what ``record`` leaves at ``level``, from ``start``; or read what ``progress`` kept."""
    done = progress.read(_level(level)) if progress else None
    if done:
        weights = masks.restore(done.tensors, record, level)
        return Level(level, record, weights, done.facts["history"])
    first = start.epoch if cell.rewind.budget == "remaining" else 0
    epochs = progress.epochs(level) if progress else None
    plan = cell.plan(seed, level, first)
    history = _train(cell, plan, start.weights, record, on_epoch, epochs)
    survivors = masks.survivors(loop.copy_weights(cell.model), record, level)
    if progress and epochs:
        progress.keep(_level(level), survivors, {"history": history, "seconds": epochs.seconds()})
        progress.drop(epochs.NAME)
    return Level(level, record, masks.restore(survivors, record, level), history)


def _level(number: int) -> str:
    return f"level-{number:03d}"


def record_of(weights: Weights) -> RemovedAt:
    """The dense record of a network: all alive but the padding row."""
    if EMBEDDING not in weights:
        raise LotteryError(f"no '{EMBEDDING}' among the weights: {', '.join(weights)}")
    return masks.dense(weights, EMBEDDING, PAD)


def prunable(weights: Weights, kinds: tuple[str, ...]) -> set[str]:
    """The names of the parameters that ``prune.parameters`` means."""
    return {name for name in weights if models.kind(name) in kinds}


def levels(record: RemovedAt, prune: Any) -> int:
    """How many levels a chain has: ``prune.levels``, or as many as ``prune.until`` asks for."""
    if prune.levels is not None:
        return prune.levels
    sizes = {name: size for name, (_, size) in masks.counts(record, 0).items()}
    names = prunable(record, prune.parameters)
    local = {name: size for name, size in sizes.items() if name in names}
    fixed = sum(sizes.values()) - sum(local.values())
    try:
        return masks.levels_until(local, fixed, prune.rate, prune.until, prune.scope)
    except ValueError as error:
        raise LotteryError(f"prune.until: {error}; widen prune.parameters or lower it") from None


def _train(
    cell: Cell,
    plan: Plan,
    weights: Weights,
    record: RemovedAt,
    on_epoch: OnEpoch,
    epochs: Epochs | None,
) -> list[Row]:
    level = masks.at_level(record, plan.level)
    loop.load_weights(cell.model, weights)
    parts = cell.train_part, cell.validation_part
    return loop.train(cell.model, *parts, level, plan, on_epoch, epochs)
