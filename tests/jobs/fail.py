"""An error in seed 2, while the others are at work."""

import time
from pathlib import Path
from types import SimpleNamespace

from lottery.errors import LotteryError


def run_seed(run: SimpleNamespace, folder: Path, seed: int, reporter: object) -> None:
    (folder / f"began-{seed}").touch()
    if seed == 2:
        raise LotteryError("seed 2 is unlucky")
    time.sleep(60)
    (folder / f"ended-{seed}").touch()
