"""Which training runs are trained as one group, where many networks train faster as one.

On a GPU they do. Groups are a function of the grid: what of it is done already changes none, so the
same command gives the same bytes, interrupted or not. A group is of one cell, because its networks
have the same shapes, and of one stage, because they have the same documents and batches.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import sys
from collections.abc import Hashable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lottery.config import plugins
from lottery.errors import LotteryError
from lottery.pipeline import code_digests
from lottery.storage import paths

if TYPE_CHECKING:
    from lottery.config.grid import Run
    from lottery.pipeline.run_store import Entry
    from lottery.pipeline.training_runs import TrainingRun

VARIABLE = "LOTTERY_LOCKSTEP"
NETWORKS = "lottery.training.lockstep.networks"
_CODE = ("lottery.experiment.lockstep.group", "lottery.experiment.lockstep.replicate")


def is_used(device: str) -> bool:
    """Whether ``device``, as in params.yaml, trains groups: a GPU does, a CPU does not.
    ``LOTTERY_LOCKSTEP`` says otherwise with 0 or 1; raises LotteryError for another value."""
    text = os.environ.get(VARIABLE, "")
    if text not in ("", "0", "1"):
        raise LotteryError(f"{VARIABLE}: expected 0 or 1, got {text!r}")
    if text or device == "cpu" or not _has_driver():
        return text == "1"
    from lottery.training import device as devices

    return devices.choose(device).type == "cuda"


def _has_driver() -> bool:
    """Whether there is a driver of NVIDIA's. Without one, torch need not be imported: that takes
    seconds, and a stage's first process has no other use for it."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def supports(run: Run) -> bool:
    """Whether networks of the run's cell can be a group: the model has a form for many, and their
    batches have equally many documents."""
    batch_sizes_differ = run.params.tokens.resplit and run.train_settings.batch.tokens is not None
    return run.model in plugins.names(NETWORKS) and not batch_sizes_differ


def groups(runs: Iterable[TrainingRun]) -> list[tuple[TrainingRun, ...]]:
    """``runs`` in groups: the seeds and arms of a stage and cell, arm by arm. One whose cell cannot
    be grouped is a group of itself."""
    from lottery.experiment.lockstep import group

    alike: dict[Hashable, list[TrainingRun]] = {}
    for run in runs:
        key = (run.stage, run.run.cell, run.run.source) if supports(run.run) else run.name
        alike.setdefault(key, []).append(run)
    return [tuple(part) for listed in alike.values() for part in group.groups(listed)]


def folder(entries: Sequence[Entry]) -> Path:
    """Where the epochs of the group of ``entries`` are saved: beside the first's checkpoints."""
    store = paths.checkpoints()
    members = [entry.folder.relative_to(store).as_posix() for entry in entries]
    return entries[0].folder / f"group-{_digest(members)}"


@cache
def code() -> str:
    """The digest of all code that trains groups, whatever their model."""
    graph = code_digests.graph(types=False)
    roots = {*_CODE, *graph.children(NETWORKS)}
    modules = set().union(*(code_digests.closure(graph, root) for root in roots))
    return _digest(code_digests.digests(modules))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]
