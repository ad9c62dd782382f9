"""Refuse one corpus that cannot be read, before the stage download deletes its table.

It runs when the user's own file changes, and writes the same each time, so nothing else reruns.
"""

from lottery.config import grid
from lottery.config.schema import Params
from lottery.pipeline import check_corpus, cli
from lottery.storage import files, paths


def run(params: Params, corpus: str) -> None:
    """Write ``data/checks/corpus-<corpus>.txt``, and begin ``data/vocabularies/<corpus>/``. Raises
    LotteryError for what cannot be read."""
    check_corpus.check(corpus, params.corpora[corpus])
    files.write_text(paths.checked_corpus(corpus), "checked\n")
    files.write_text(grid.vocabulary_folder(corpus) / "checked.txt", "checked\n")


if __name__ == "__main__":
    cli.main("check_corpus", __doc__, run, "corpus")
