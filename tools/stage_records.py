"""Which stages have run, in the form of ``dvc.lock``, where DVC is not installed.

A stage is up to date if its command, its parameters, and the digests of what it read and wrote are
those that were recorded when it ran. They are DVC's digests, so that a record made on one machine
can be compared with ``dvc.lock`` on another.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from lottery.config import strict_yaml
from lottery.errors import LotteryError
from lottery.storage import files, paths
from tools.dvc_stages import Stage
from tools.study_stages import value

FILE = Path(".lottery/stages.yaml")
"""The records of the stages that were run without DVC."""
SCHEMA = "2.0"
"""Of ``dvc.lock``."""
Entry = dict[str, Any]


class Records:
    """The records of the repository in the working directory, whose ``params.yaml`` is
    ``document``.

    Raises LotteryError for a damaged :data:`FILE`.
    """

    def __init__(self, document: Entry) -> None:
        self._document = document
        self._measured: dict[str, Entry] = {}
        self._stages: dict[str, Entry] = {}
        if FILE.exists():
            self._stages = read(FILE, "delete it; then each stage is run again")

    def has(self, stage: Stage) -> bool:
        """Whether the stage has run before, perhaps with other inputs or parameters."""
        return stage.name in self._stages

    def is_up_to_date(self, stage: Stage) -> bool:
        """Whether the stage has run, and nothing that it read or wrote has changed since."""
        try:
            return self._stages.get(stage.name) == self._entry(stage)
        except FileNotFoundError:
            return False

    def add(self, stage: Stage) -> None:
        """Record that the stage has just run. Raises LotteryError if it lacks an output."""
        for path in stage.outs:
            self._measured.pop(path, None)
        try:
            self._stages[stage.name] = self._entry(stage)
        except FileNotFoundError as error:
            raise LotteryError(f"{stage.name}: {error.filename} is missing after it ran") from None
        write(FILE, self._stages)

    def forget(self, stage: Stage) -> None:
        """Record that the stage is about to write its outputs."""
        if self._stages.pop(stage.name, None):
            write(FILE, self._stages)

    def of(self, stages: list[Stage]) -> dict[str, Entry]:
        """The records of ``stages``, by name."""
        return {stage.name: self._stages[stage.name] for stage in stages}

    def _entry(self, stage: Stage) -> Entry:
        parameters = {key: value(self._document, key) for key in sorted(stage.params)}
        return {
            "cmd": stage.cmd,
            "deps": [self._measure(path) for path in sorted(stage.deps)],
            **({"params": {str(paths.PARAMS): parameters}} if parameters else {}),
            "outs": [self._measure(path) for path in sorted(stage.outs)],
        }

    def _measure(self, path: str) -> Entry:
        """What :func:`measure` says of a path, which nothing else changes meanwhile."""
        if path not in self._measured:
            self._measured[path] = measure(Path(path))
        return self._measured[path]


def measure(path: Path) -> Entry:
    """DVC's record of a file or a folder: digest and size, and of a folder the number of files.

    Raises FileNotFoundError if it is missing.
    """
    if not path.is_dir():
        size = path.stat().st_size
        return {"path": str(path), "hash": "md5", "md5": files.digest(path, "md5"), "size": size}
    inside = [file for file in path.rglob("*") if file.is_file()]
    listed = [
        {"md5": files.digest(file, "md5"), "relpath": file.relative_to(path).as_posix()}
        for file in inside
    ]
    listed.sort(key=lambda entry: entry["relpath"])
    digest = hashlib.md5(json.dumps(listed, sort_keys=True).encode())
    return {
        **{"path": str(path), "hash": "md5", "md5": f"{digest.hexdigest()}.dir"},
        "size": sum(file.stat().st_size for file in inside),
        "nfiles": len(inside),
    }


def read(path: Path, way_out: str) -> dict[str, Entry]:
    """The records that :func:`write` wrote. Raises LotteryError for a damaged file."""
    document = strict_yaml.read_yaml(path)
    stages = document.get("stages") if isinstance(document, dict) else None
    if not isinstance(stages, dict) or not all(_is_entry(entry) for entry in stages.values()):
        raise LotteryError(f"{path}: not a record of stages; {way_out}")
    return stages


def _is_entry(entry: Any) -> bool:
    """Whether a stage's record has the form of DVC's."""
    if not isinstance(entry, dict) or not isinstance(entry.get("params", {}), dict):
        return False
    listed = [entry.get(kind, []) for kind in ("deps", "outs")]
    if not all(isinstance(items, list) for items in listed):
        return False
    items = [item for of_kind in listed for item in of_kind]
    return all(isinstance(values, dict) for values in entry.get("params", {}).values()) and all(
        isinstance(item, dict) and {type(item.get("path")), type(item.get("md5"))} == {str}
        for item in items
    )


def write(path: Path, stages: dict[str, Entry]) -> None:
    """Write ``stages`` as ``dvc.lock`` has them."""
    document = {"schema": SCHEMA, "stages": stages}
    files.write_text(path, yaml.dump(document, Dumper=_Plain, sort_keys=False))


class _Plain(yaml.SafeDumper):
    """A dumper without aliases, which :mod:`lottery.config.strict_yaml` refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
