"""Fetch one corpus and write its canonical table."""

from lottery import canonical, corpora, files, paths
from lottery.params import Params
from stages import _run


def run(params: Params, corpus: str) -> None:
    """``data/raw/<corpus>.parquet`` and, beside it, where it came from."""
    documents, report = corpora.read(corpus, params.corpora[corpus])
    canonical.write(documents.frame, documents.classes, paths.table(corpus))
    files.write_json(paths.provenance(corpus), report)
    dropped = report.get("exact_duplicates_dropped", "not looked for")
    print(f"{corpus}: {len(documents.frame)} documents; exact duplicates dropped: {dropped}")


if __name__ == "__main__":
    _run.main("download", __doc__, run, "corpus")
