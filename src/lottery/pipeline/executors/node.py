"""What runs on a node of a cluster: one unit, in a folder of its own, whose files are sent back.

The node has no part of the repository: code, tokens, weights and finished levels come with the
unit, and the folder is removed at the end. The unit is trained as on one machine, in a fresh
process of :class:`lottery.pipeline.executors.local.LocalExecutor`. Ray's own process on the node,
which is used for many units, starts it and passes on what it says. So the imports, which take
seconds, are made once: fresh processes are forked from one that has made them.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lottery
from lottery.pipeline import numba_cache, provenance
from lottery.pipeline.executors.local import LocalExecutor
from lottery.pipeline.processes import Report, Result
from lottery.pipeline.reporter import Saved
from lottery.pipeline.units import Unit
from lottery.storage import files

COMPILED, TIMES = "compiled", "times.json"
"""In the code that travels: what Numba has compiled, and when each source was changed."""
OF_TASK = ("CUDA_VISIBLE_DEVICES",)
"""Variables that Ray sets for each task."""


@dataclass(frozen=True)
class Began:
    """A unit has been taken up on ``node``."""

    node: str


@dataclass(frozen=True)
class File:
    """A file of the run store; ``path`` is from its root."""

    path: str
    content: bytes


def pack_code(source: Path, folder: Path) -> None:
    """Copy the library in ``source`` (the folder ``src``) into ``folder``, for :func:`unpack`.

    With what Numba has compiled, which is a minute's work; it is used by nodes of the same kind.
    """
    shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    times = {
        str(path.relative_to(source)): path.stat().st_mtime_ns for path in source.rglob("*.py")
    }
    files.write_json(folder / TIMES, times)
    for compiled in source.rglob("__pycache__/*.nb[ic]"):
        target = folder / COMPILED / compiled.relative_to(source).parent.parent / compiled.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(compiled, target)


def unpack() -> None:
    """Make the code that has traveled look as it did, so that Numba takes what was compiled."""
    source = Path(lottery.__file__).parents[1]
    folder = source.parent
    if not (folder / TIMES).exists():
        return
    for name, time in json.loads((folder / TIMES).read_text(encoding="utf-8")).items():
        os.utime(source / name, ns=(time, time))
    for compiled in (folder / COMPILED).rglob("*.nb[ic]"):
        target = source / compiled.relative_to(folder / COMPILED).parent / "__pycache__"
        if not (target / compiled.name).exists():
            files.write_bytes(target / compiled.name, compiled.read_bytes())


def probe(device: str, threads: int) -> dict[str, Any]:
    """The provenance of what is trained on this node."""
    return provenance.of_this_machine(device, threads)


def train(
    unit: Unit, paths: Sequence[str], references: Sequence[Any], stored: Mapping[str, bytes]
) -> Iterator[Began | File | Report]:
    """Train ``unit``; yields what it reports, and each file of the run store when it is written.

    ``paths`` are its inputs, whose bytes the object store has under ``references``; ``stored`` has
    the files of what is done. Raises LotteryError and whatever else ends the training.
    """
    import ray

    yield Began(f"node {ray.get_runtime_context().get_node_id()[:8]} ({socket.gethostname()})")
    unpack()
    numba_cache.ensure()
    with tempfile.TemporaryDirectory(prefix="lottery-") as folder:
        tree, store = Path(folder, "tree"), Path(folder, "store")
        tree.mkdir()
        for path, content in zip(paths, ray.get(list(references)), strict=True):
            _write(tree / path, content)
        for path, content in stored.items():
            _write(store / path, content)
        variables = {name: os.environ[name] for name in OF_TASK if name in os.environ}
        variables["LOTTERY_CHECKPOINTS"] = str(store)
        with LocalExecutor(tree, 1, "make precompute ON=ray", variables) as executor:
            executor.start(unit)
            yield from _reports(executor, store)


def _reports(executor: LocalExecutor, store: Path) -> Iterator[File | Report]:
    """What the unit at work reports, until it is done."""
    while True:
        for _, report in executor.reports():
            if isinstance(report, Result):
                return
            if isinstance(report, BaseException):
                raise report
            if isinstance(report, Saved):
                path = report.path
                yield File(str(path.relative_to(store)), path.read_bytes())
            else:
                yield report


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
