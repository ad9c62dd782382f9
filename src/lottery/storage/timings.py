"""How long each stage took, from which the report computes a run's wall time."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lottery.storage import files
from lottery.storage.paths import TIMES


@contextmanager
def measured(stage: str) -> Iterator[None]:
    """Record the seconds that the block takes as those of ``stage``.

    The time of an interrupted run of the stage is added to that of the next, which resumes it.
    """
    path, start, done = TIMES / f"{stage}.json", time.monotonic(), False
    last = read(path)
    before = 0.0 if last.get("done", True) else last["seconds"]
    try:
        yield
        done = True
    finally:
        seconds = before + time.monotonic() - start
        files.write_json(path, {"seconds": round(seconds, 3), "done": done})


def seconds(stage: str) -> float | None:
    """How long ``stage`` took in this working tree; None if that was not recorded."""
    return read(TIMES / f"{stage}.json").get("seconds")


def read(path: Path) -> dict[str, Any]:
    """``seconds`` and ``done`` as recorded in ``path``; empty if it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
