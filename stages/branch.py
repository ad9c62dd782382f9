"""Train one control at some levels of the winning ticket, then run it on validation and test."""

from pathlib import Path
from typing import Any

from lottery import files, paths
from lottery.params import Params
from stages import _run, _seeds


def run(params: Params, corpus: str, model: str, control: str) -> None:
    """``data/branches/<cell>-<control>/seed-<n>/``: what was pruned and what survives of each level
    of ``branch.levels``, and its ``logits.safetensors``; and ``plots/tables/<cell>-<control>/``."""
    with files.replacing_directory(paths.branch(corpus, model, control)) as folder:
        seeds = _seeds.each(branch, params, corpus, model, control, folder, needs="stages._branch")
    from stages import _tables

    sources = (paths.branch(corpus, model, control),)
    _tables.write(params, corpus, model, control, seeds, sources)


def branch(
    params: Params, corpus: str, model: str, control: str, folder: Path, seed: int
) -> dict[str, Any]:
    """One seed's trainings, into its place in ``folder``; returns the rows of its tables."""
    from stages import _branch

    return _branch.branch(params, corpus, model, control, folder, seed)


if __name__ == "__main__":
    _run.main("branch", __doc__, run, "corpus", "model", "control")
