"""Whether accuracy is the same: one training by the library, in both precisions, and by plain
PyTorch.

On AG News with five seeds, from the same initial weights, batches and dropout rate; only rounding
and the draws of dropout differ. The CNN is trained for the first levels of a winning ticket's
pruning run, the LSTM dense, both at the study's sizes.
"""

import multiprocessing
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.cells import CELLS, STD, Cell, choose, documents
from benchmarks.contenders import ours, plain
from lottery import metrics, progress
from lottery.experiment import replicate
from lottery.models import Weights
from lottery.pruning import masks
from lottery.training import device, evaluation, initializers, loop
from lottery.training.batches import Documents
from lottery.training.loop import Plan

SEEDS = range(5)


@dataclass(frozen=True)
class Training:
    """What is trained for each seed: ``levels`` after the dense one, ``epochs`` per level, on
    ``count`` training documents (None: all). ``contender`` is ``plain`` or the library's
    precision."""

    cell: str
    contender: str
    levels: int
    epochs: int
    count: int | None


TRAININGS = [
    Training("ag_news-cnn", "plain", 5, 3, None),
    Training("ag_news-cnn", "float32", 5, 3, None),
    Training("ag_news-cnn", "bfloat16", 5, 3, None),
    Training("ag_news-lstm", "float32", 0, 3, 4_000),
    Training("ag_news-lstm", "bfloat16", 0, 3, 4_000),
]


def accuracy(processes: int) -> list[dict[str, Any]]:
    """Test accuracy in percent of each training, dense and at its last level: for each seed, the
    mean, and the standard deviation."""
    context = multiprocessing.get_context("spawn")
    jobs = [(number, seed) for number in range(len(TRAININGS)) for seed in SEEDS]
    accuracies: list[list[list[float]]] = [[] for _ in TRAININGS]
    with context.Pool(processes) as pool:
        for number, of_seed in progress.track(
            pool.imap(job, jobs), "accuracy", "trainings", len(jobs)
        ):
            accuracies[number].append(of_seed)
    rows = []
    for training, seeds in zip(TRAININGS, accuracies, strict=True):
        for level in sorted({0, training.levels}):
            of_level = [of_seed[level] for of_seed in seeds]
            rows.append(
                {
                    "cell": training.cell,
                    "contender": training.contender,
                    "level": level,
                    "epochs": training.epochs,
                    "documents": training.count or len(documents(CELLS[training.cell])),
                    "test_accuracy": of_level,
                    "mean": statistics.mean(of_level),
                    "deviation": statistics.stdev(of_level),
                }
            )
    return rows


def job(number_and_seed: tuple[int, int]) -> tuple[int, list[float]]:
    """One seed of one training, on one thread: its number, and each level's test accuracy."""
    number, seed = number_and_seed
    device.prepare("cpu", 1)
    return number, list(_accuracies(TRAININGS[number], seed))


def _accuracies(training: Training, seed: int) -> Iterator[float]:
    cell = CELLS[training.cell]
    train_set, test_set = documents(cell), documents(cell, "test")
    if training.count is not None:
        chosen = np.random.default_rng(0).permutation(len(train_set))[: training.count]
        train_set = choose(train_set, chosen)
    network = cell.network()
    init = initializers.draw(network, torch.Generator().manual_seed(seed), STD)
    pruned_at = replicate.pruned_at_dense(init)
    trained = init
    for level in range(training.levels + 1):
        if level:
            pruned_at = masks.prune(trained, pruned_at, level, dict.fromkeys(init, 0.2), "local")
        level_masks = masks.at_level(pruned_at, level)
        plan = ours.plan(cell, seed, level, training.epochs)
        if training.contender == "plain":
            trained = _train_plain(cell, init, level_masks, train_set, plan)
        else:
            network.precision = getattr(torch, training.contender)
            trained = _train_ours(network, init, level_masks, train_set, plan)
        network.precision = torch.float32
        loop.load_weights(network, trained)
        yield metrics.accuracy(evaluation.logits(network, test_set), test_set.labels.numpy())


def _train_ours(
    network: nn.Module, init: Weights, level_masks: Weights, train_set: Documents, plan: Plan
) -> Weights:
    loop.load_weights(network, init)
    validation_set = choose(train_set, np.arange(64))  # nothing is chosen by validation here
    loop.train(network, (train_set, validation_set), level_masks, plan)
    return loop.copy_weights(network)


def _train_plain(
    cell: Cell, init: Weights, level_masks: Weights, train_set: Documents, plan: Plan
) -> Weights:
    torch.manual_seed(1000 * plan.seed + plan.level)
    network = plain.network(cell, init, plan.dropout)
    factors = []
    for name, parameter in network.named_parameters():
        mask = level_masks[plain.library_name(name)].float()
        factors.append(mask.squeeze(1).mT if mask.dim() == 4 else mask)
        parameter.data.mul_(factors[-1])
    optimizer = torch.optim.Adam(network.parameters(), lr=plan.lr, fused=True)
    loader = plain.data(train_set, plan.seed)
    for _ in plan.epochs:
        plain.train(network, loader, optimizer, factors)
    return plain.library_weights(network)
