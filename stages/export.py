"""Write one cell's ticket as a file that classifies text, and what it saves and costs as tables."""

from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.pipeline import cli


def run(params: Params, corpus: str, model: str) -> None:
    """Write ``data/tickets/<cell>.ticket``, and ``plots/tickets/<cell>/`` with the tables
    ``ticket``, ``levels``, ``scores``, ``classes`` and ``disagreements``.

    Without a ticket the file has the dense network."""
    from lottery.pipeline import cell_export

    cell_export.export_cell(Run(params, corpus, model, params.export.strategy))


if __name__ == "__main__":
    cli.main("export", __doc__, run, "corpus", "model")
