"""Measure error and loss on the straight lines between one cell's trained winning tickets."""

from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.pipeline import cli, train_seeds


def run(params: Params, corpus: str, model: str) -> None:
    """Write ``plots/tables/<cell>-connectivity/lines.csv``: one row per network on each line.

    Each of ``connectivity.levels`` has a line from the level before (kind ``levels``: Paul et al.
    2022), and one to the same ticket trained in another data order and with other dropout
    (``orders``: Frankle et al. 2020). ``alpha`` is 0 and 1 at the ends; train_loss in nats per
    document, test_error in percent.
    """
    cell = Run(params, corpus, model)
    folder = cell.connectivity.tables_folder
    rows = train_seeds.each_seed("connectivity", cell, folder)
    from lottery.analysis import tidy
    from lottery.storage import csv_tables

    csv_tables.write_folder(folder, tidy.line_tables(rows))


if __name__ == "__main__":
    cli.main("connectivity", __doc__, run, "corpus", "model")
