"""Train one transferred arm at the levels in transfer.levels, and evaluate it on the target."""

from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.pipeline import cli, train_seeds
from lottery.storage import files


def run(params: Params, source: str, corpus: str, model: str, arm: str) -> None:
    """Write ``data/branches/<cell>-<arm>/seed-<n>/`` and ``plots/tables/<cell>-<arm>/``, of the
    target's cell.

    The first has, for each level of ``transfer.levels``, which weights were pruned and the values
    of the others; and ``logits.safetensors``."""
    transferred = Run(params, corpus, model, arm, source)
    with files.replacing_directory(transferred.branch_folder) as folder:
        rows = train_seeds.each_seed("transfer", transferred, folder)
    from lottery.analysis import tidy
    from lottery.storage import csv_tables

    csv_tables.write_folder(transferred.tables_folder, tidy.arm_tables(arm, rows))


if __name__ == "__main__":
    cli.main("transfer", __doc__, run, "source", "corpus", "model", "arm")
