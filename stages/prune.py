"""Prune one model on one corpus iteratively, by one strategy, for each seed.

This stage reads training and validation data only; it never opens the test set.
"""

from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.pipeline import cli, train_seeds
from lottery.storage import files


def run(params: Params, corpus: str, model: str, strategy: str) -> None:
    """Write ``data/chains/<cell>-<strategy>/seed-<n>/``: each level's remaining weights, the level
    at which each weight was pruned, metrics per level and epoch, and counts per level and tensor.
    """
    arm = Run(params, corpus, model, strategy)
    with files.replacing_directory(arm.pruning_folder) as folder:
        train_seeds.each_seed("prune", arm, folder)


if __name__ == "__main__":
    cli.main("prune", __doc__, run, "corpus", "model", "strategy")
