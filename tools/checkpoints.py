"""List the checkpoints of all runs; with --remove, delete those that are no longer needed.

A run whose parameters, inputs, code or machine changed starts over in a new folder. The earlier
folder stays until it is removed here, in case the change is undone.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lottery.storage import paths

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class RunCheckpoints:
    """The folder of one seed of a run. It is ``old`` if the same run was used later with other
    parameters, inputs, code or machine."""

    folder: Path
    last_wanted: float
    old: bool

    @property
    def run(self) -> str:
        return self.folder.parent.parent.name

    @property
    def seed(self) -> str:
        return self.folder.parent.name

    def levels(self) -> int:
        """Levels that are finished."""
        return len(list(self.folder.glob("level-*.safetensors")))

    def megabytes(self) -> float:
        return sum(path.stat().st_size for path in self.folder.iterdir()) / 1e6


def find(root: Path) -> list[RunCheckpoints]:
    """The folders of all runs under ``root``; for each run, the one used last comes first."""
    runs = []
    for seed in sorted(root.glob("*/seed-*")):
        times = {path.parent: path.stat().st_mtime for path in seed.glob(f"*/{paths.FINGERPRINT}")}
        ranked = sorted(times, key=lambda folder: times[folder], reverse=True)
        runs += [RunCheckpoints(folder, times[folder], folder != ranked[0]) for folder in ranked]
    return runs


def remove(run: RunCheckpoints) -> bool:
    """Delete a run's folder and return True, unless a process is using it."""
    lock = FileLock(run.folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    try:
        shutil.rmtree(run.folder)
    finally:
        lock.release()
    return True


def table(runs: list[RunCheckpoints]) -> Table:
    """A row per folder."""
    from rich.table import Table

    result = Table(title=f"checkpoints in {paths.checkpoints()}")
    for heading in ("run", "seed", "key", "levels", "MB", "last used", ""):
        result.add_column(heading, justify="right" if heading in ("levels", "MB") else "left")
    for run in runs:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.last_wanted))
        mark = "old" if run.old else ""
        names = (run.run, run.seed, run.folder.name, str(run.levels()))
        result.add_row(*names, f"{run.megabytes():.1f}", when, mark)
    return result


def main() -> None:
    """List the folders; with ``--remove``, delete the old ones or all."""
    parser = argparse.ArgumentParser("python -m tools.checkpoints", description=__doc__)
    parser.add_argument(
        "--remove", choices=("old", "all"), help="delete the folders marked old, or all of them"
    )
    arguments = parser.parse_args()
    runs = find(paths.checkpoints())
    if not runs:
        print(f"{paths.checkpoints()}: no checkpoints")
        return
    from rich.console import Console

    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120).print(table(runs))
    for run in runs:
        if arguments.remove == "all" or (arguments.remove and run.old):
            size = run.megabytes()
            done = f"removed, {size:.1f} MB" if remove(run) else "in use by a process: not removed"
            print(f"{run.folder}: {done}")


if __name__ == "__main__":
    main()
