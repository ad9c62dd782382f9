"""Test accuracy over five seeds: a group in each precision, and plain PyTorch beside it."""

import statistics
import time
from typing import Any

import numpy as np
import torch

from benchmarks.cells import STD, Cell, choose
from benchmarks.contenders import ours
from benchmarks.gpu.contenders import SEEDS, Contender, on_device, plain_epochs
from lottery import metrics
from lottery.experiment import replicate
from lottery.models import Weights
from lottery.pruning import masks
from lottery.training import device, evaluation, initializers, loop
from lottery.training.batches import Documents
from lottery.training.lockstep import loop as lockstep
from lottery.training.lockstep.loop import Network, Trained

CONTENDERS = ("plain", *device.DTYPES)


def measure(
    cell: Cell, splits: tuple[Documents, Documents], epochs: int, target: str
) -> list[dict[str, Any]]:
    """A row per contender: the test accuracy in percent of each seed, their mean and standard
    deviation, and the seconds of all. ``splits`` are training and test documents."""
    rows = []
    for name in CONTENDERS:
        start = time.perf_counter()
        weights = _trained(cell, splits[0], epochs, target, name)
        seconds = time.perf_counter() - start
        accuracies = [_accuracy(cell, one, splits[1], target) for one in weights]
        rows.append(
            {
                "cell": cell.name,
                "contender": name,
                "epochs": epochs,
                "documents": len(splits[0]),
                "test_accuracy": accuracies,
                "mean": statistics.mean(accuracies),
                "deviation": statistics.stdev(accuracies),
                "seconds": seconds,
            }
        )
    return rows


def _trained(
    cell: Cell, train_set: Documents, epochs: int, target: str, name: str
) -> list[Weights]:
    """The weights of each seed at the end."""
    network = cell.network()
    draws = {
        seed: initializers.draw(network, torch.Generator().manual_seed(seed), STD)
        for seed in range(SEEDS)
    }
    if name == "plain":
        Contender("plain").settings(target)
        return [
            plain_epochs(cell, init, train_set, ours.plan(cell, seed, 0, epochs), target)
            for seed, init in draws.items()
        ]
    network.to(device.prepare(target, 1, name))
    network.precision = device.DTYPES[name]
    validation_set = choose(train_set, np.arange(64))  # nothing is chosen by validation here
    group = [
        Network(
            init,
            masks.at_level(replicate.pruned_at_dense(init), 0),
            ours.plan(cell, seed, 0, epochs),
            (train_set, validation_set),
        )
        for seed, init in draws.items()
    ]
    results = lockstep.train(network, group)
    for result, one in zip(results, group, strict=True):
        if not isinstance(result, Trained):
            raise result.error(one.plan)
    return [result.weights for result in results if isinstance(result, Trained)]


def _accuracy(cell: Cell, weights: Weights, test_set: Documents, target: str) -> float:
    network = cell.network()
    loop.load_weights(network, weights)
    network.to(device.prepare(target, 1))
    values = evaluation.logits(network, on_device(test_set, torch.device(target)))
    return metrics.accuracy(values, test_set.labels.numpy())
