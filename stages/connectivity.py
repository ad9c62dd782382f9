"""Error and loss on the straight lines between one cell's trained winning tickets."""

from typing import Any

from lottery import files, paths
from lottery.params import Params
from stages import _run, _seeds

COLUMNS = ["kind", "seed", "level", "alpha", "train_loss", "test_error"]


def run(params: Params, corpus: str, model: str) -> None:
    """``plots/tables/<cell>-connectivity/lines.csv``: from the level before to each of
    ``connectivity.levels`` (``levels``: Paul et al. 2022), and between two trainings of that ticket
    in different data orders (``orders``: Frankle et al. 2020). ``alpha`` 0 and 1 are the ends;
    train_loss in nats a document, test_error in percent."""
    seeds = _seeds.each(connect, params, corpus, model, needs="stages._connectivity")
    import pandas as pd

    from lottery.analysis import tables

    rows = [row for seed in seeds for row in seed]
    with files.replacing_directory(paths.connectivity(corpus, model)) as folder:
        tables.write(pd.DataFrame(rows, columns=COLUMNS), folder / "lines.csv")


def connect(params: Params, corpus: str, model: str, seed: int) -> list[dict[str, Any]]:
    """One seed's rows."""
    from stages import _connectivity

    return _connectivity.connect(params, corpus, model, seed)


if __name__ == "__main__":
    _run.main("connectivity", __doc__, run, "corpus", "model")
