"""Whether a job is imported once, in the process that the workers are forked from."""

import os
from pathlib import Path
from types import SimpleNamespace

from lottery.pipeline import preload  # noqa: F401  (as every job needs the library)

IMPORTED_BY = os.getpid()


def run_seed(run: SimpleNamespace, folder: Path, seed: int, reporter: object) -> bool:
    return os.getpid() != IMPORTED_BY
