"""Fetch one corpus and write the table of its documents."""

from lottery import corpora
from lottery.config.schema import Params
from lottery.data import corpus_table
from lottery.data.sources import outputs
from lottery.pipeline import cli
from lottery.storage import files, paths


def run(params: Params, corpus: str) -> None:
    """Write ``data/raw/<corpus>.parquet``, and where it came from to ``data/raw/<corpus>.json``."""
    outputs.refuse(corpus, params.corpora[corpus], params.corpora)
    table, report = corpora.read(corpus, params.corpora[corpus])
    corpus_table.write(table, paths.corpus_table(corpus))
    files.write_json(paths.provenance(corpus), report)
    print(corpora.summary(report))


if __name__ == "__main__":
    cli.main("download", __doc__, run, "corpus")
