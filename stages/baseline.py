"""Fit what a user would try before a network: TF-IDF with logistic regression, on one corpus."""

from lottery.baselines import tfidf
from lottery.config import grid
from lottery.config.schema import Params
from lottery.pipeline import cli
from lottery.storage import csv_tables, token_arrays


def run(params: Params, corpus: str) -> None:
    """Write ``plots/tables/<corpus>-baseline/baseline.csv``, with the columns of
    :data:`lottery.baselines.tfidf.COLUMNS`."""
    tokens = grid.Run(params, corpus, "").tokens
    splits = {split: token_arrays.read(tokens, split) for split in tfidf.SPLITS}
    table = tfidf.table(splits, token_arrays.read_words(tokens))
    csv_tables.write_folder(grid.baseline_folder(corpus), {"baseline": table})
    print(f"{corpus}: {tfidf.sentence(table)}")


if __name__ == "__main__":
    cli.main("baseline", __doc__, run, "corpus")
