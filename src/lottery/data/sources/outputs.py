"""Which paths the pipeline writes, so that no file of the user's is ever one of them."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lottery.config.text_schema import Corpus
from lottery.errors import LotteryError, clipped, one_line
from lottery.storage import paths

FOLDERS = (
    *(Path("data") / name for name in ("tokens", "dense", "chains", "branches", "logits")),
    Path("data/checks"),
    Path("data/code"),
    Path("data/vocabularies"),
    paths.CORPUS_REPORTS,
    paths.METRICS,
    Path("plots"),
    Path(".lottery"),
)
"""Everything in them may be replaced or deleted."""


def refuse(name: str, corpus: Corpus, corpora: Iterable[str], root: Path = Path()) -> None:
    """Raise LotteryError if the user's file for the corpus ``name`` is where the pipeline writes.

    ``corpora`` are the names of all corpora. In ``data/raw`` other files than theirs are left
    alone, so the user may have files there.
    """
    if corpus.is_file:
        _refuse_source(name, corpus, corpora, root)
    _refuse_other_table(name, root)


def _refuse_source(name: str, corpus: Corpus, corpora: Iterable[str], root: Path) -> None:
    """Raise LotteryError if the user's file is where the pipeline writes."""
    outputs = [path(other) for other in corpora for path in (paths.corpus_table, paths.provenance)]
    source = root / corpus.source
    # Where the file is, and where a link leads; without regard to case, as on some file systems.
    locations = [_folded(source), _folded(source.resolve())]
    for output in [*outputs, *FOLDERS]:
        steps = _folded(root / output)
        if any(location[: len(steps)] == steps for location in locations):
            text = clipped(one_line(corpus.source), 200)
            what = "the folder" if output in FOLDERS else "the file"
            raise LotteryError(
                f"corpora.{name}.source: {text} would be overwritten, since the pipeline writes "
                f"{what} {output}; move your file elsewhere and change the key"
            )


def _refuse_other_table(name: str, root: Path) -> None:
    """Raise LotteryError if a Parquet file that is no corpus table is where ``name``'s belongs."""
    table = paths.corpus_table(name)
    try:
        metadata = pq.read_schema(root / table).metadata or {}
    except (pa.ArrowException, OSError, ValueError):
        return  # no file, or a damaged one, which the download stage replaces
    if b"classes" not in metadata:
        raise LotteryError(
            f"{table}: not written by this pipeline, which would overwrite it; move the file "
            f"elsewhere, or rename the corpus '{name}'"
        )


def _folded(path: Path) -> tuple[str, ...]:
    """The steps of the path, links in its folders followed, in one case."""
    return tuple(step.casefold() for step in (path.parent.resolve() / path.name).parts)
