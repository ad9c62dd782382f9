"""The square of the seed times a factor; the later the seed, the sooner it is done."""

import time
from pathlib import Path
from types import SimpleNamespace


def run_seed(run: SimpleNamespace, folder: Path, seed: int) -> int:
    time.sleep(0.3 / (seed + 1))
    (folder / f"seed-{seed}").touch()
    return int(run.factor * seed**2)
