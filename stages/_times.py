"""How long the stages took: what the page says of a run's wall time."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lottery import files, paths
from lottery.params import Params

FOLDER = Path(".progress/times")
"""Of the tree that is worked in, as its outputs are; itself none, since it never is the same."""


@contextmanager
def noted(stage: str) -> Iterator[None]:
    """Note the seconds that the block takes as those of ``stage``.

    What an interrupted one took counts too: the next one goes on from what it kept.
    """
    path, begun, done = FOLDER / f"{stage}.json", time.monotonic(), False
    last = _read(path)
    before = 0.0 if last.get("done", True) else last["seconds"]
    try:
        yield
        done = True
    finally:
        seconds = before + time.monotonic() - begun
        files.write_json(path, {"seconds": round(seconds, 3), "done": done})


def wall_time(params: Params) -> str:
    """What the stages up to ``plots/tables`` took, in all and by kind.

    Of the first time that these very tables were there: a page that is made again is the same.
    """
    path = FOLDER / f"of-{_digest_of_tables()}.json"
    kept = _read(path)
    if not kept:
        kept = {"wall_time": _said(stages(params))}
        files.write_json(path, kept)
    return str(kept["wall_time"])


def stages(params: Params) -> list[str]:
    """The stages before the tables, as :func:`noted` names them."""
    cells = [paths.cell(corpus, model) for corpus in params.corpora for model in params.models]
    chains = [f"{cell}-{strategy}" for cell in cells for strategy in params.strategies]
    return [
        *(f"{stage}-{corpus}" for stage in ("download", "tokenize") for corpus in params.corpora),
        *(f"train-{cell}" for cell in cells),
        *(f"{stage}-{chain}" for stage in ("prune", "evaluate") for chain in chains),
        *(f"branch-{cell}-{control}" for cell in cells for control in params.controls),
        *(f"connectivity-{cell}" for cell in cells),
    ]


def _said(names: list[str]) -> str:
    found = {name: _read(FOLDER / f"{name}.json") for name in names}
    seconds: Counter[str] = Counter()
    for name, own in found.items():
        if own:
            seconds[name.partition("-")[0]] += own["seconds"]
    parts = ", ".join(f"{stage} {duration(own)}" for stage, own in seconds.items())
    missing = sum(not own for own in found.values())
    rest = f"; {missing} of {len(names)} stages were not run in this folder" if missing else ""
    return f"{duration(seconds.total())}: {parts}{rest}" if seconds else f"unknown{rest}"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, as many as it takes: "1 h 2 min 3 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h " * (hours > 0) + f"{minutes} min " * (hours + minutes > 0) + f"{rest} s"


def _digest_of_tables() -> str:
    found = hashlib.sha256()
    for path in sorted(paths.TABLES.rglob("*.csv")):
        found.update(f"{path.relative_to(paths.TABLES)} {files.digest(path)}\n".encode())
    return found.hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    """What was noted; nothing where nothing was, or where it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
