"""Train the dense network of one corpus and model, for each seed; all strategies share it."""

from pathlib import Path

from lottery import files, paths
from lottery.params import Params
from stages import _run, _seeds


def run(params: Params, corpus: str, model: str) -> None:
    """``data/dense/<cell>/seed-<n>/``: init, rewind and final weights, and each epoch's figures."""
    with files.replacing_directory(paths.dense(corpus, model)) as folder:
        _seeds.each(train, params, corpus, model, folder, needs="stages._dense")


def train(params: Params, corpus: str, model: str, folder: Path, seed: int) -> None:
    """One seed's dense run, into its place in ``folder``."""
    from stages import _dense

    _dense.train(params, corpus, model, folder, seed)


if __name__ == "__main__":
    _run.main("train", __doc__, run, "corpus", "model")
