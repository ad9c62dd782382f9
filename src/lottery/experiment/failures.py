"""Runs whose training diverged: the folder of such a run has ``failed.json`` and nothing else.

Later stages copy it, and leave the seed out of every table except ``failed``.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from lottery.errors import LotteryError
from lottery.storage import files
from lottery.training.loop import Diverged

_FAILED = "failed.json"


@dataclass(frozen=True)
class Failure:
    """Where a run diverged, and why."""

    level: int
    reason: str


def of(error: Diverged) -> Failure:
    """``error`` as a Failure."""
    return Failure(error.level, str(error))


@contextmanager
def recorded(folder: Path, name: str, note: Callable[[str], object]) -> Iterator[None]:
    """Run a block that writes into ``folder``. If its training diverges, the block ends there, and
    the folder contains only ``failed.json``. ``note`` is told, with ``name`` for the run."""
    try:
        yield
    except Diverged as error:
        shutil.rmtree(folder, ignore_errors=True)
        write(folder, of(error))
        note(f"{name}: failed: {error}")


def write(folder: Path, failure: Failure) -> None:
    """Record in the folder of a seed that it diverged, where and why."""
    files.write_json(folder / _FAILED, asdict(failure))


def read(folder: Path) -> Failure | None:
    """What :func:`write` wrote, or None. Raises LotteryError for a damaged file."""
    path = folder / _FAILED
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Failure(int(content["level"]), str(content["reason"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LotteryError(f"{path}: damaged ({error}); run 'dvc repro' to regenerate it") from None
