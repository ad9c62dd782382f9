"""What can change the last bits of a result beside its fingerprint: machine, threads, versions,
and the code that trains groups of networks, where it is used.

A cell never mixes two. Where a cell was trained on another kind of machine than this one, on a
cluster, say, a file in the run store says so. Then the stages here look for that cell's checkpoints
of that machine, and refuse to train what is missing.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lottery.errors import LotteryError
from lottery.storage import files, paths

if TYPE_CHECKING:
    from lottery.config.grid import Run

PACKAGES = ("torch", "numpy", "numba", "safetensors")


def provenance_of(run: Run) -> dict[str, Any]:
    """That of the machine on which ``run``'s cell is trained: this one, unless another one is
    recorded."""
    return recorded(run.cell) or of_this_machine(run.params.device, run.params.threads)


def of_this_machine(device: str, threads: int) -> dict[str, Any]:
    """That of a training here; ``device`` and ``threads`` as in params.yaml."""
    from lottery.pipeline import grouping

    lockstep = {"lockstep": grouping.code()} if grouping.is_used(device) else {}
    return {
        "device": _processor(device),
        "threads": threads,
        "versions": versions(),
        **lockstep,
    }


def versions() -> dict[str, str]:
    """Of Python, and of each package that computes."""
    return {
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in PACKAGES},
    }


def recorded(cell: str) -> dict[str, Any] | None:
    """The provenance with which a cell is trained elsewhere, if one is recorded."""
    try:
        content = json.loads(_file(cell).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise LotteryError(f"{_file(cell)}: damaged ({error}); remove it") from None
    return dict(content)


def record(cell: str, provenance: Mapping[str, Any]) -> None:
    """Say that a cell is trained on another kind of machine."""
    files.write_json(_file(cell), provenance)


def check(run: Run) -> None:
    """Raise LotteryError if ``run``'s cell is trained elsewhere, and not here."""
    elsewhere = recorded(run.cell)
    here = of_this_machine(run.params.device, run.params.threads)
    if elsewhere not in (None, here):
        raise LotteryError(
            f"{run.cell} was trained on another kind of machine ({elsewhere}; this one is {here}), "
            "and a cell never mixes two: train the rest there (make precompute ON=ray), or remove "
            f"{_file(run.cell)} and train all of it here"
        )


def _file(cell: str) -> Path:
    return paths.checkpoints() / f"{cell}.elsewhere.json"


def _processor(name: str) -> str:
    import torch

    from lottery.training import device

    target = device.choose(name)
    if target.type == "cuda":
        return torch.cuda.get_device_name(target)
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
