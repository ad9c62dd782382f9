"""Run every level of one strategy's chains on validation and test."""

from pathlib import Path
from typing import Any

from lottery import files, paths
from lottery.params import Params
from stages import _run, _seeds


def run(params: Params, corpus: str, model: str, strategy: str) -> None:
    """``data/logits/<cell>-<strategy>/seed-<n>.safetensors``: float32 ``[levels + 1, documents,
    outputs]`` a part, level 0 the dense network; and ``plots/tables/<cell>-<strategy>/``."""
    with files.replacing_directory(paths.logits(corpus, model, strategy)) as folder:
        seeds = _seeds.each(
            evaluate, params, corpus, model, strategy, folder, needs="stages._levels"
        )
    from stages import _tables

    sources = (paths.dense(corpus, model), paths.chain(corpus, model, strategy))
    _tables.write(params, corpus, model, strategy, seeds, sources)


def evaluate(
    params: Params, corpus: str, model: str, strategy: str, folder: Path, seed: int
) -> dict[str, Any]:
    """Write one seed's logits into ``folder``; returns the rows of its tables."""
    from stages import _levels

    return _levels.evaluate(params, corpus, model, strategy, folder, seed)


if __name__ == "__main__":
    _run.main("evaluate", __doc__, run, "corpus", "model", "strategy")
