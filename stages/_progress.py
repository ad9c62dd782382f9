"""Where a run keeps what it has done, and whether that is of the run at hand."""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from lottery import files, paths
from lottery.errors import LotteryError
from lottery.training.progress import SECONDS, Progress
from stages import _locks

VARIABLE = "LOTTERY_PROGRESS_SECONDS"
FACTS = "facts.json"
PACKAGES = ("torch", "numpy", "numba", "safetensors")


@contextmanager
def kept(run: str, seed: int, facts: Mapping[str, Any]) -> Iterator[Progress]:
    """The progress of ``run`` (a cell, or a cell and strategy) with ``seed``, for one process.

    ``facts`` determine the result: a directory of earlier states is found by their digest, so that
    a changed parameter, input or line of code starts anew. Waits while another process has it.
    """
    text = json.dumps(facts, indent=2, sort_keys=True, default=str)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = paths.progress() / run / f"seed-{seed}" / name
    with _locks.held(folder / "lock", f"{run} seed {seed}"):
        if not (folder / FACTS).exists():
            files.write_text(folder / FACTS, text + "\n")
        os.utime(folder / FACTS)  # when it was last wanted
        yield Progress(folder, _seconds())


def facts(
    sections: Mapping[str, Any], inputs: Iterable[Path], device: torch.device
) -> dict[str, Any]:
    """What determines a run: parameters, inputs, code, versions and the kind of processor."""
    return {
        "parameters": plain(sections),
        "inputs": {str(path): files.digest(path) for path in sorted(inputs)},
        "code": _code(),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in PACKAGES},
        },
        "device": _kind(device),
    }


def plain(value: Any) -> Any:
    """A section of the parameters as JSON has it."""
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is not None:
        return {name: plain(getattr(value, name)) for name in fields}
    if isinstance(value, Mapping):
        return {name: plain(own) for name, own in value.items()}
    return [plain(own) for own in value] if isinstance(value, tuple) else value


def tokens(folder: Path, vectors: bool) -> list[Path]:
    """What training reads of the token arrays."""
    parts = [f"{part}.{kind}.npy" for part in ("train", "validation") for kind in _KINDS]
    return [folder / name for name in (*parts, "report.json", *(_VECTORS if vectors else ()))]


_KINDS = ("ids", "offsets", "labels")
_VECTORS = ("vectors.npy", "covered.npy")


def _code() -> dict[str, str]:
    """The digest of every module of ours that this process has imported."""
    found = {}
    root = Path(__file__).resolve().parents[1]
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if name is None:
            continue
        path = Path(name).resolve()
        if path.is_relative_to(root / "src" / "lottery") or path.is_relative_to(root / "stages"):
            found[str(path.relative_to(root))] = files.digest(path)
    return found


def _kind(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def _seconds() -> float:
    own = os.environ.get(VARIABLE)
    try:
        seconds = SECONDS if own is None else float(own)
    except ValueError:
        seconds = -1
    if not seconds >= 0:
        raise LotteryError(f"{VARIABLE}: {own!r} is no number of seconds; give 0 or more")
    return seconds


def tell(progress: Progress, name: str, write: Callable[[str], object]) -> None:
    """Say how much training an earlier process had done, if any."""
    if progress.saved:
        minutes, rest = divmod(round(progress.saved), 60)
        write(f"{name}: went on from {progress.folder}; saved {minutes} min {rest} s of training")
