"""What a run resumes from: its checkpoints, found by the fingerprint of all that decides them.

The fingerprint covers parameters, inputs and the code of training. It does not cover reports or
stages: a change of those loses no training. The machine, the versions and the number of threads can
change the last bits of a result; they are its provenance. It is recorded beside the checkpoints,
and a run resumes only from checkpoints with the same provenance: one cell never mixes two.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lottery.config.plain import plain
from lottery.errors import LotteryError
from lottery.experiment import run_files
from lottery.pipeline import code_digests, provenance, run_store
from lottery.pipeline.provenance import provenance_of
from lottery.pipeline.reporter import SILENT, Reporter
from lottery.pipeline.run_store import Entry, RunCheckpointer
from lottery.storage import files, locks, paths, token_arrays
from lottery.training.checkpointing import SECONDS

if TYPE_CHECKING:
    from lottery.config.grid import Run

VARIABLE = "LOTTERY_CHECKPOINT_SECONDS"


@dataclass(frozen=True)
class Training:
    """What decides a stage's training, apart from its cell's model, data and ``train`` section."""

    parameters: tuple[str, ...]
    """Keys of params.yaml. The number of levels is not among them: a longer pruning run begins like
    a shorter one, and each level of a control is trained by itself."""
    plugins: tuple[str, ...] = ()
    """Modules that the arm or a parameter chooses."""
    starts_from: tuple[str, ...] = ()
    """``dense``: the dense run's weights; ``ticket``: which weights the winning ticket pruned;
    ``source``: both of a transferred arm's source, and the words of both corpora."""


TRAINING = {
    "train": Training(("rewind.epoch",)),
    "prune": Training(
        (
            "prune.rate",
            "prune.criterion",
            "prune.scope",
            "prune.parameters",
            "prune.output",
            "rewind",
        ),
        ("lottery.pruning.strategies.{arm}", "lottery.pruning.criteria.{criterion}"),
        ("dense",),
    ),
    "branch": Training(
        ("prune.parameters", "prune.output", "rewind"),
        ("lottery.pruning.controls.{arm}",),
        ("dense", "ticket"),
    ),
    "connectivity": Training((), (), ("dense", "ticket")),
    "transfer": Training(
        ("rewind",),
        ("lottery.pruning.transfers.{arm}", "lottery.experiment.transfer"),
        ("dense", "ticket", "source"),
    ),
}
"""By stage."""
_NOT_OF_ALL = {
    "lottery.experiment.transfer",
    "lottery.experiment.lockstep",
    "lottery.training.lockstep",
}
"""Modules of the packages that train which not every training runs: the stages that name them
above, or groups of networks, which are recorded with the provenance."""


@contextmanager
def checkpointer(
    stage: str, run: Run, seed: int, reporter: Reporter = SILENT
) -> Iterator[RunCheckpointer]:
    """The checkpoints of one seed of ``run`` in ``stage``, for one process.

    After a change of a parameter, an input or the training code the fingerprint is another one, and
    there are no checkpoints yet. Waits while another process uses them. ``reporter`` says who
    trains, and is told what is saved.
    """
    opened = entry(stage, run, seed)
    with locks.held(opened.folder / run_store.LOCK, f"{run.name} seed {seed}"):
        opened.describe()
        trained_by = reporter.trained_by or f"stage {stage}"
        checkpoints = RunCheckpointer(opened, checkpoint_seconds(), trained_by, reporter)
        checkpoints.before_training = partial(provenance.check, run)
        with checkpoints.recorded():
            yield checkpoints


def entry(stage: str, run: Run, seed: int) -> Entry:
    """Where the checkpoints of one seed of ``run`` in ``stage`` are, or will be."""
    return entry_of(run, seed, fingerprint_of(stage, run, seed), provenance_of(run))


def entry_of(
    run: Run, seed: int, fingerprint: Mapping[str, Any], provenance: Mapping[str, Any]
) -> Entry:
    """The folder of one seed of ``run`` whose name is made of both."""
    key = f"{_digest(fingerprint)}-{_digest(provenance)}"
    folder = paths.seed(paths.checkpoints() / run.name, seed) / key
    return Entry(folder, fingerprint, provenance)


def fingerprint_of(stage: str, run: Run, seed: int) -> dict[str, Any]:
    """What decides the training of one seed of ``run`` in ``stage``: parameters, and the digests of
    inputs and code."""
    training = TRAINING[stage]
    parameters = {key: _parameter(run.params, key) for key in training.parameters}
    return {
        "parameters": {
            "arm": run.arm,
            "model": plain(run.model_settings),
            "train": plain(run.train_settings),
            "precision": run.params.precision,
            **parameters,
        },
        "inputs": {str(path): files.digest(path) for path in sorted(_inputs(training, run, seed))},
        "code": _code(training, run),
    }


def _inputs(training: Training, run: Run, seed: int) -> list[Path]:
    """The files that training reads."""
    vectors = run.model_settings.embedding == "vectors"
    inputs = token_arrays.training_files(run.tokens, vectors)
    if "dense" in training.starts_from:
        inputs += run_files.state_paths(paths.seed(run.dense_folder, seed))
    if "ticket" in training.starts_from:
        folder = paths.seed(run.winning_ticket.pruning_folder, seed)
        inputs.append(run_files.pruned_at_path(folder))
    if "source" in training.starts_from:
        source = run.source_ticket
        inputs += run_files.state_paths(paths.seed(source.dense_folder, seed))
        inputs.append(run_files.pruned_at_path(paths.seed(source.pruning_folder, seed)))
        inputs += [source.vocabulary, run.vocabulary]
    return inputs


def _code(training: Training, run: Run) -> dict[str, str]:
    """The digest of each of our modules that training imports, by path."""
    names = {"arm": run.arm}
    if "prune.criterion" in training.parameters:
        names["criterion"] = run.params.prune.criterion
    plugins = [plugin.format(**names) for plugin in training.plugins]
    return _closure_digests(f"lottery.models.{run.model}", *plugins)


@cache
def _closure_digests(*plugins: str) -> dict[str, str]:
    """Of ``plugins`` and the packages that train: what they import by their source, not what is
    loaded now."""
    graph = code_digests.graph(types=False)
    rooms = ("lottery.experiment", "lottery.training")
    roots = set().union(*(graph.children(room) for room in rooms)) - _NOT_OF_ALL
    modules = set().union(*(code_digests.closure(graph, root) for root in roots | set(plugins)))
    return code_digests.digests(modules)


def _parameter(params: Any, key: str) -> Any:
    for name in key.split("."):
        params = getattr(params, name)
    return plain(params)


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def checkpoint_seconds() -> float:
    """How much training may be lost, in seconds: ``LOTTERY_CHECKPOINT_SECONDS``, if it is set.
    Raises LotteryError for one that is no number."""
    text = os.environ.get(VARIABLE)
    try:
        seconds = SECONDS if text is None else float(text)
    except ValueError:
        seconds = -1
    if not seconds >= 0:
        raise LotteryError(f"{VARIABLE}: expected a number of seconds, 0 or more, got {text!r}")
    return seconds


def report(checkpointer: RunCheckpointer, name: str, write: Callable[[str], object]) -> None:
    """Print how much training was read from checkpoints, if any; and by whom it was done, if
    nothing was left to train."""
    if not checkpointer.seconds_resumed:
        return
    minutes, rest = divmod(round(checkpointer.seconds_resumed), 60)
    end = ""
    if not checkpointer.levels_trained:
        who = ", ".join(checkpointer.entry.trained_by()) or "an earlier version, which did not say"
        end = f"; nothing was left to train: trained by {who}"
    write(
        f"{name}: resumed from {checkpointer.folder}; saved {minutes} min {rest} s of training{end}"
    )
