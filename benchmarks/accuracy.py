"""Accuracy must not move: one training by the library, in both precisions, and by plain PyTorch.

AG News, five seeds, the same initial weights, batches and dropout share; only rounding and the
draws of dropout differ. A chain of the winning ticket's first levels for the CNN, dense for the
LSTM, at the study's sizes.
"""

import multiprocessing
import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from benchmarks.cells import CELLS, DIM, STD, Cell, choose, documents
from benchmarks.contenders import ours, plain
from lottery import models, runs
from lottery.analysis import scores
from lottery.batches import PAD, Documents
from lottery.models import Weights
from lottery.pruning import masks
from lottery.training import device, loop

SEEDS = range(5)
RUNS = [
    ("ag_news-cnn", "plain", 5, 3, None),
    ("ag_news-cnn", "float32", 5, 3, None),
    ("ag_news-cnn", "bfloat16", 5, 3, None),
    ("ag_news-lstm", "float32", 0, 3, 4_000),
    ("ag_news-lstm", "bfloat16", 0, 3, 4_000),
]
"""Cell, contender, levels after dense, epochs a level, training documents (None: all)."""


def accuracy(processes: int) -> list[dict[str, Any]]:
    """Test accuracy of dense and of the last level of each run: each seed's, mean and deviation."""
    context = multiprocessing.get_context("spawn")
    jobs = [(number, seed) for number in range(len(RUNS)) for seed in SEEDS]
    found: dict[int, list[list[float]]] = {number: [] for number in range(len(RUNS))}
    with context.Pool(processes) as pool:
        for number, levels in tqdm(pool.imap(job, jobs), total=len(jobs), desc="accuracy"):
            found[number].append(levels)
    rows = []
    for number, (cell, contender, levels, epochs, count) in enumerate(RUNS):
        for level in sorted({0, levels}):
            own = [accuracies[level] for accuracies in found[number]]
            rows.append(
                {
                    "cell": cell,
                    "contender": contender,
                    "level": level,
                    "epochs": epochs,
                    "documents": count or len(documents(CELLS[cell])),
                    "test_accuracy": own,
                    "mean": statistics.mean(own),
                    "deviation": statistics.stdev(own),
                }
            )
    return rows


def job(what: tuple[int, int]) -> tuple[int, list[float]]:
    """One seed of one run, on one thread: each level's test accuracy in percent."""
    number, seed = what
    cell, contender, levels, epochs, count = RUNS[number]
    device.prepare("cpu", 1)
    return number, list(_levels(CELLS[cell], contender, seed, levels, epochs, count))


def _levels(
    cell: Cell, contender: str, seed: int, levels: int, epochs: int, count: int | None
) -> Iterator[float]:
    train, test = documents(cell), documents(cell, "test")
    if count is not None:
        train = choose(train, np.random.default_rng(0).permutation(len(train))[:count])
    network = cell.network()
    init = models.draw(network, torch.Generator().manual_seed(seed), STD)
    record = runs.record_of(init)
    kinds = {"plain": _plain}
    trainer = kinds.get(contender, _ours)
    trained = init
    for level in range(levels + 1):
        if level:
            record = masks.prune(trained, record, level, 0.2, "local", set(init))
        alive = masks.at_level(record, level)
        trained = trainer(cell, contender, init, alive, train, (seed, level, epochs))
        loop.load_weights(network, trained)
        yield scores.accuracy(loop.logits(network, test), test.labels.numpy())


def _ours(
    cell: Cell,
    contender: str,
    init: Weights,
    alive: dict[str, torch.Tensor],
    train: Documents,
    what: tuple[int, int, int],
) -> Weights:
    seed, level, epochs = what
    network = cell.network()
    network.precision = getattr(torch, contender)
    loop.load_weights(network, init)
    few = choose(train, np.arange(64))  # nothing is chosen by validation here
    loop.train(network, train, few, alive, ours.plan(cell, seed, level, epochs))
    return loop.copy_weights(network)


def _plain(
    cell: Cell,
    contender: str,
    init: Weights,
    alive: dict[str, torch.Tensor],
    train: Documents,
    what: tuple[int, int, int],
) -> Weights:
    seed, level, epochs = what
    torch.manual_seed(1000 * seed + level)
    network = plain.network(cell, init, 0.5)
    factors = []
    for name, parameter in network.named_parameters():
        mask = alive[plain.own_name(name)].float()
        factors.append(mask.squeeze(1).mT if mask.dim() == 4 else mask)
        parameter.data.mul_(factors[-1])
    optimiser = torch.optim.Adam(network.parameters(), lr=cell.lr, fused=True)
    loader = plain.data(train, seed)
    for _ in range(epochs):
        plain.train(network, loader, optimiser, factors)
    return _back(network)


def _back(network: nn.Module) -> Weights:
    weights = {}
    for name, parameter in network.named_parameters():
        value = parameter.detach()
        weights[plain.own_name(name)] = value.mT.unsqueeze(1) if value.dim() == 3 else value
    assert weights["embedding"].shape[1] == DIM
    assert not weights["embedding"][PAD].any()
    return weights
