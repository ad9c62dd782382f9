"""One level of one seed as a ticket, with its accuracy in the ticket's own runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lottery import metrics
from lottery.config.plain import plain
from lottery.errors import LotteryError
from lottery.experiment import failures, replicate
from lottery.experiment.run_files import RunFiles
from lottery.models import EMBEDDING, Weights
from lottery.pipeline import build
from lottery.pruning import masks
from lottery.pruning.masks import PrunedAt
from lottery.storage import csv_tables, files, paths, token_arrays
from lottery.tickets import Ticket, export, format
from lottery.tickets.export import Network

if TYPE_CHECKING:
    import pandas as pd

    from lottery.config.grid import Run

DENSE = 0
"""The level of the dense network."""


def curve(run: Run) -> pd.DataFrame:
    """The accuracies of ``run`` by seed and level; a seed that diverged has none.

    Raises LotteryError if the tickets have not been chosen yet.
    """
    curves = csv_tables.read(paths.curves(run.cell))
    return curves[curves.arm == run.arm]


def chosen_level(levels: pd.DataFrame) -> int | None:
    """The level of the ticket in the table of :func:`curve`; None if there is no ticket."""
    rows = levels[levels.chosen]
    return int(rows.level.iloc[0]) if len(rows) else None


def network(run: Run, seed: int, level: int, more: Mapping[str, str] | None = None) -> Network:
    """The trained network of one seed at ``level``; ``more`` joins what it says of its origin.

    Raises LotteryError if the run diverged or does not have that level.
    """
    weights, pruned_at = _load(run, seed, level)
    return Network(
        model=run.model,
        options=run.model_settings.options,
        weights={name: value.numpy() for name, value in weights.items()},
        masks={name: mask.numpy() for name, mask in masks.at_level(pruned_at, level).items()},
        words=token_arrays.read_words(run.tokens)[: len(weights[EMBEDDING])],
        classes=token_arrays.read_classes(run.tokens),
        tokenizer=run.params.tokens.tokenizer,
        max_tokens=run.params.tokens.max_tokens,
        provenance={**_provenance(run, seed, level), **(more or {})},
    )


def _load(run: Run, seed: int, level: int) -> tuple[Weights, PrunedAt]:
    """The full weights of the network, on the CPU, and when each was pruned."""
    folder = paths.seed(run.dense_folder if level == DENSE else run.pruning_folder, seed)
    if not folder.exists():
        raise LotteryError(f"{folder}: not found; run 'dvc repro' to generate it")
    if failure := failures.read(folder):
        raise LotteryError(f"{run.name} seed {seed} has no networks: {failure.reason}")
    saved = RunFiles(folder, build.shapes(build.network(run)))
    if level == DENSE:
        weights = saved.read_state("final")
        return weights, replicate.pruned_at_dense(weights)
    pruned_at = saved.read_pruned_at()
    if level > (last := masks.last_level(pruned_at)):
        raise LotteryError(f"{run.name} has no level {level}: its pruning runs end at {last}")
    return saved.read_level(pruned_at, level), pruned_at


def _provenance(run: Run, seed: int, level: int) -> dict[str, Any]:
    """Where the network came from: run, level, accuracies in percent, corpus, parameters.

    Nothing of the machine, the day or Git, so that a rerun writes the same bytes.
    """
    path = run.tables_folder / "levels.csv"
    table = csv_tables.read(path)
    rows = table[(table.seed == seed) & (table.level == level)]
    if rows.empty:
        raise LotteryError(f"{path}: no level {level} of seed {seed}")
    accuracy = {
        split: round(float(rows[f"{split}_accuracy"].iloc[0]), 4)
        for split in ("validation", "test")
    }
    params = run.params
    return {
        "corpus": run.corpus,
        "model": run.model,
        "strategy": run.arm,
        "seed": seed,
        "level": level,
        "accuracy": accuracy,
        "corpus_sha256": files.digest(paths.corpus_table(run.corpus)),
        "params": {
            "model": plain(run.model_settings),
            "train": plain(run.train_settings),
            "tokens": plain(params.tokens),
            "prune": plain(params.prune),
            "rewind": plain(params.rewind),
            "precision": params.precision,
        },
    }


def write(path: Path, chosen: Network, values: str) -> None:
    """Write a network as a ticket; an earlier file is replaced by a complete one."""
    files.write_bytes(path, format.to_bytes(export.contents(chosen, values)))


def report(run: Run, path: Path) -> dict[str, Any]:
    """What the ticket in ``path`` is: bytes, sparsity, and its test accuracy in its own runtime."""
    ticket = Ticket.load(path)
    header = ticket.header
    test_set = token_arrays.read(run.tokens, "test")
    words = token_arrays.read_words(run.tokens)
    pairs = zip(test_set.offsets[:-1], test_set.offsets[1:], strict=True)
    documents = [[words[id] for id in test_set.ids[start:end]] for start, end in pairs]
    logits = ticket.logits_of_words(documents)
    return {
        "level": header.provenance["level"],
        "seed": header.provenance["seed"],
        "sparsity": round(header.sparsity, 6),
        "values": header.values,
        "bytes": path.stat().st_size,
        "words_bytes": format.words_bytes(ticket.contents),
        "dense_float32_bytes": 4 * sum(count["weights"] for count in header.weights.values()),
        "evaluated_test_accuracy": header.provenance["accuracy"]["test"],
        "test_accuracy": round(metrics.accuracy(logits, np.asarray(test_set.labels)), 4),
    }
