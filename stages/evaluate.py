"""Evaluate every level of one strategy's pruning runs on the validation and test sets."""

from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.pipeline import cli, workers
from lottery.storage import files


def run(params: Params, corpus: str, model: str, strategy: str) -> None:
    """Write ``data/logits/<cell>-<strategy>/`` and ``plots/tables/<cell>-<strategy>/``.

    The logits are in ``seed-<n>.safetensors``, float32 ``[levels + 1, documents, outputs]`` per
    split; level 0 is the dense network."""
    arm = Run(params, corpus, model, strategy)
    with files.replacing_directory(arm.logits_folder) as folder:
        rows = workers.each_seed("evaluate", arm, folder)
    from lottery.analysis import tidy
    from lottery.storage import csv_tables

    csv_tables.write_folder(arm.tables_folder, tidy.arm_tables(strategy, rows))


if __name__ == "__main__":
    cli.main("evaluate", __doc__, run, "corpus", "model", "strategy")
