"""List what runs have kept of their work, and remove what is no longer wanted.

A run whose parameters, inputs or code changed starts anew in a directory of its own; the earlier
one stays until it is removed here, in case the change is taken back.
"""

import argparse
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console
from rich.table import Table

from lottery import paths

FACTS = "facts.json"


@dataclass(frozen=True)
class Kept:
    """One run's directory. ``old``: the same run has since been wanted with other facts."""

    folder: Path
    used: float
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


def find(root: Path) -> list[Kept]:
    """Every run's directories under ``root``, the one last wanted first."""
    found = []
    for seed in sorted(root.glob("*/seed-*")):
        times = {path.parent: path.stat().st_mtime for path in seed.glob(f"*/{FACTS}")}
        ranked = sorted(times, key=lambda folder: times[folder], reverse=True)
        found += [Kept(folder, times[folder], folder != ranked[0]) for folder in ranked]
    return found


def remove(kept: Kept) -> bool:
    """Delete a run's directory, unless a process is at work in it."""
    lock = FileLock(kept.folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    try:
        shutil.rmtree(kept.folder)
    finally:
        lock.release()
    return True


def table(found: list[Kept]) -> Table:
    shown = Table(title=f"progress in {paths.progress()}")
    for heading in ("run", "seed", "key", "levels", "MB", "last wanted", ""):
        shown.add_column(heading, justify="right" if heading in ("levels", "MB") else "left")
    for kept in found:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(kept.used))
        mark = "old" if kept.old else ""
        own = (kept.run, kept.seed, kept.folder.name, str(kept.levels()))
        shown.add_row(*own, f"{kept.megabytes():.1f}", when, mark)
    return shown


def main() -> None:
    """List; with ``--remove`` delete the old ones, or all."""
    parser = argparse.ArgumentParser("python -m tools.progress", description=__doc__)
    parser.add_argument(
        "--remove", choices=("old", "all"), help="delete those marked old, or every one"
    )
    given = parser.parse_args()
    found = find(paths.progress())
    if not found:
        print(f"{paths.progress()}: no run has kept anything")
        return
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120).print(table(found))
    chosen = [kept for kept in found if given.remove == "all" or (given.remove and kept.old)]
    for kept in chosen:
        size = kept.megabytes()
        done = f"removed, {size:.1f} MB" if remove(kept) else "left: a process works on it"
        print(f"{kept.folder}: {done}")


if __name__ == "__main__":
    main()
