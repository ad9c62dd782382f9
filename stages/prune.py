"""Run one strategy's pruning chain of one corpus and model, for each seed.

Training and validation data only: the test part is never opened here.
"""

from pathlib import Path

from lottery import files, paths
from lottery.params import Params
from stages import _run, _seeds


def run(params: Params, corpus: str, model: str, strategy: str) -> None:
    """``data/chains/<cell>-<strategy>/seed-<n>/``: each level's surviving weights, the record of
    what went when, figures a level and epoch, and counts a level and tensor."""
    with files.replacing_directory(paths.chain(corpus, model, strategy)) as folder:
        _seeds.each(prune, params, corpus, model, strategy, folder, needs="stages._chain")


def prune(params: Params, corpus: str, model: str, strategy: str, folder: Path, seed: int) -> None:
    """One seed's chain, into its place in ``folder``."""
    from stages import _chain

    _chain.prune(params, corpus, model, strategy, folder, seed)


if __name__ == "__main__":
    _run.main("prune", __doc__, run, "corpus", "model", "strategy")
