"""Train the dense network of one corpus and model, for each seed; all strategies share it."""

from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.pipeline import cli, train_seeds
from lottery.storage import files


def run(params: Params, corpus: str, model: str) -> None:
    """Write ``data/dense/<cell>/seed-<n>/``: the initial weights, those to rewind to, the final
    ones, and the metrics of each epoch."""
    cell = Run(params, corpus, model)
    with files.replacing_directory(cell.dense_folder) as folder:
        train_seeds.each_seed("train", cell, folder)


if __name__ == "__main__":
    cli.main("train", __doc__, run, "corpus", "model")
