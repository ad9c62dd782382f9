"""Training that diverges: an error whose kind takes other arguments than its text."""

from pathlib import Path
from types import SimpleNamespace

from lottery.training.loop import Diverged, Plan


def run_seed(run: SimpleNamespace, folder: Path, seed: int, reporter: object) -> None:
    plan = Plan(seed, 0, range(1), 1, 0.1, "linear", None, 0.0, None)  # type: ignore[arg-type]
    raise Diverged(plan, 0, "the loss")
