"""Draw the figures of all cells and write the report page, from the tables in plots/."""

from lottery.config.schema import Params
from lottery.pipeline import cli
from lottery.report import canvas, collect, page
from lottery.storage import files, paths


def run(params: Params) -> None:
    """Write ``plots/report.html`` and ``plots/figures/``: ``overview`` and four figures per cell,
    each as SVG and PNG."""
    files.write_text(paths.REPORT, page.render(collect.content(params)))
    with files.replacing_directory(paths.FIGURES) as folder:
        for name, figure in collect.drawings(params):
            canvas.save(figure, folder / name)


if __name__ == "__main__":
    cli.main("plot", __doc__, run)
