"""The square of the seed times a factor; the later the seed, the sooner it is done."""

import time
from pathlib import Path
from types import SimpleNamespace

from lottery.pipeline.reporter import Reporter


def run_seed(run: SimpleNamespace, folder: Path, seed: int, reporter: Reporter) -> int:
    for _ in reporter.track(range(3), "level", 3):
        time.sleep(0.1 / (seed + 1))
    (folder / f"seed-{seed}").touch()
    return int(run.factor * seed**2)
