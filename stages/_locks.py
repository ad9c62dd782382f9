"""One process at a time, by a lock that the system drops when its process ends."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """Hold the lock ``path``, which dies with its process; says who has it, and waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(path), path.with_name(f"{path.name}.holder")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        other = holder.read_text(encoding="utf-8") if holder.exists() else "another process"
        print(f"{what}: {other} works on it; waiting for it to end", file=sys.stderr)
        lock.acquire()
    try:
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        lock.release()
