"""One seed's levels of one strategy on the validation and the test set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from lottery import metrics
from lottery.analysis import predictions
from lottery.experiment import failures, run_files
from lottery.experiment.run_files import RunFiles
from lottery.models import EMBEDDING, Weights
from lottery.pipeline import build
from lottery.pipeline.jobs import Rows, failed_rows
from lottery.pipeline.reporter import Reporter
from lottery.pruning import masks
from lottery.storage import csv_tables, paths, tensors, token_arrays
from lottery.storage import logits as logits_files
from lottery.training import batches, evaluation, loop

if TYPE_CHECKING:
    from lottery.config.grid import Run

SPLITS = ("validation", "test")
Networks = Iterable[tuple[int, float, Weights]]
"""Level, sparsity (a fraction) and full weights of each network."""


def run_seed(run: Run, folder: Path, seed: int, reporter: Reporter) -> Rows:
    """Write the logits of the dense network and of each level; returns the rows of all tables."""
    dense, pruning = paths.seed(run.dense_folder, seed), paths.seed(run.pruning_folder, seed)
    if failure := failures.read(pruning):
        return failed_rows(run, seed, failure, reporter)
    model = build.network(run)
    last = int(csv_tables.read(pruning / run_files.TENSORS).level.max())
    networks = _networks(dense, pruning, build.shapes(model), last)
    networks = reporter.track(networks, "network", last + 1)
    rows = score(run, model, networks, logits_files.of_strategy(folder, seed), seed)
    return rows | training_rows((dense, pruning), seed)


def training_rows(folders: Sequence[Path], seed: int) -> Rows:
    """The rows of the tables that the runs in ``folders`` wrote while they trained, in order."""
    rows: Rows = {}
    for file in (run_files.EPOCHS, run_files.TENSORS):
        tables = [csv_tables.read(path) for folder in folders if (path := folder / file).exists()]
        rows[Path(file).stem] = [
            {"seed": seed, **row} for table in tables for row in table.to_dict("records")
        ]
    return rows


def score(run: Run, model: nn.Module, networks: Networks, logits_file: Path, seed: int) -> Rows:
    """The rows of the tables ``levels``, ``predictions`` and ``classes``; writes all logits.

    ``networks`` begins with the dense one. The file has one float32 tensor ``[networks, documents,
    outputs]`` per split, of the documents that are the seed's, in their order.
    """
    embedding = getattr(model, EMBEDDING)
    documents = {
        split: batches.load(run.tokens, split, len(embedding), embedding.device, seed)
        for split in SPLITS
    }
    labels = {split: part.labels.cpu().numpy() for split, part in documents.items()}
    train_labels = token_arrays.read(run.tokens, "train").labels
    majority = {
        f"{split}_majority": metrics.majority_accuracy(train_labels, labels[split])
        for split in SPLITS
    }
    logits: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
    levels: list[dict[str, object]] = []
    for level, sparsity, weights in networks:
        loop.load_weights(model, weights)
        row: dict[str, object] = {"seed": seed, "level": level, "sparsity": sparsity}
        for split in SPLITS:
            values = evaluation.logits(model, documents[split])
            logits[split].append(values)
            row[f"{split}_accuracy"] = metrics.accuracy(values, labels[split])
            row[f"{split}_loss"] = metrics.loss(values, labels[split])
        row["test_balanced_accuracy"] = metrics.balanced_accuracy(values, labels["test"])
        row["test_macro_f1"] = metrics.macro_f1(values, labels["test"])
        levels.append(row | majority)
    stacked = {split: np.stack(values) for split, values in logits.items()}
    tensors.save({name: torch.from_numpy(value) for name, value in stacked.items()}, logits_file)
    rows: Rows = {"levels": levels}
    compared = predictions.compare(stacked["test"], labels["test"])
    for name, table in zip(("predictions", "classes"), compared, strict=True):
        table["level"] = [levels[index]["level"] for index in table.level]
        table.insert(0, "seed", seed)
        rows[name] = table.to_dict("records")
    return rows


def _networks(
    dense: Path, pruning: Path, shapes: dict[str, torch.Size], last: int
) -> Iterator[tuple[int, float, Weights]]:
    """The dense network, then each level of the pruning run up to the ``last``."""
    yield 0, 0.0, RunFiles(dense, shapes).read_state("final")
    files = RunFiles(pruning, shapes)
    pruned_at = files.read_pruned_at()
    for level in range(1, last + 1):
        yield level, masks.sparsity(pruned_at, level), files.read_level(pruned_at, level)
