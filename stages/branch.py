"""Train one control at the levels in branch.levels, and evaluate it on validation and test."""

from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.pipeline import cli, train_seeds
from lottery.storage import files


def run(params: Params, corpus: str, model: str, control: str) -> None:
    """Write ``data/branches/<cell>-<control>/seed-<n>/`` and ``plots/tables/<cell>-<control>/``.

    The first has, for each level of ``branch.levels``, which weights were pruned and the values of
    the others; and ``logits.safetensors``."""
    arm = Run(params, corpus, model, control)
    with files.replacing_directory(arm.branch_folder) as folder:
        rows = train_seeds.each_seed("branch", arm, folder)
    from lottery.analysis import tidy
    from lottery.storage import csv_tables

    csv_tables.write_folder(arm.tables_folder, tidy.arm_tables(control, rows))


if __name__ == "__main__":
    cli.main("branch", __doc__, run, "corpus", "model", "control")
