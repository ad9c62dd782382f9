"""Record which vocabulary the target of a transfer is read with, so that another one reruns it.

The stage tokenize depends on a folder for each corpus, since deps cannot depend on the item; this
one adds the source of the target to its folder.
"""

from lottery.config import grid
from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.pipeline import cli
from lottery.storage import files


def run(params: Params, source: str, corpus: str) -> None:
    """Write ``data/vocabularies/<corpus>/source.json``: the source, and the SHA-256 of its
    vocabulary."""
    digest = files.digest(Run(params, source, "").vocabulary)
    record = {"corpus": source, "vocabulary": digest}
    files.write_json(grid.vocabulary_folder(corpus) / "source.json", record)


if __name__ == "__main__":
    cli.main("vocabulary", __doc__, run, "source", "corpus")
