"""Draw all cells' figures and write the report, from the tables in plots/."""

import pandas as pd

from lottery import figures, files, paths
from lottery.analysis import barriers, tables
from lottery.errors import LotteryError
from lottery.params import Params
from lottery.report import page
from stages import _report, _run


def run(params: Params) -> None:
    """``plots/report.html``; ``plots/figures/``: ``overview`` and four figures a cell, each as
    SVG and PNG."""
    files.write_text(paths.REPORT, page.render(_report.content(params)))
    curves = {
        paths.cell(corpus, model): tables.read(paths.curves(paths.cell(corpus, model)))
        for corpus in params.corpora
        for model in params.models
    }
    empty = [cell for cell, levels in curves.items() if levels.empty]
    for cell in empty:
        print(f"{cell}: not drawn, since every run failed")
        del curves[cell]
    if not curves:
        raise LotteryError("every run of every cell failed: there is nothing to draw")
    with files.replacing_directory(paths.FIGURES) as folder:
        figures.save(figures.accuracy(curves), folder / "overview")
        for cell, levels in curves.items():
            epochs, tensors = (
                pd.concat(
                    tables.read(paths.TABLES / f"{cell}-{strategy}" / f"{name}.csv")
                    for strategy in params.strategies
                )
                for name in ("epochs", "tensors")
            )
            figures.save(figures.accuracy({cell: levels}), folder / f"{cell}-accuracy")
            figures.save(figures.learning(epochs, levels, cell), folder / f"{cell}-learning")
            figures.save(figures.density(tensors, cell), folder / f"{cell}-density")
            lines = tables.read(paths.TABLES / f"{cell}-connectivity" / "lines.csv")
            if len(lines):
                rises = barriers.barriers(lines)
                figures.save(figures.connectivity(rises, cell), folder / f"{cell}-connectivity")


if __name__ == "__main__":
    _run.main("plot", __doc__, run)
