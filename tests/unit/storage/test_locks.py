"""Locks of one process at a time."""

from pathlib import Path

from lottery.storage import locks


def test_a_lock_is_released(tmp_path: Path) -> None:
    for _ in range(2):
        with locks.held(tmp_path / "lock", "a run"):
            pass
