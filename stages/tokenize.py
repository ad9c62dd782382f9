"""Turn the table of one corpus into token arrays, a vocabulary and the vectors of its words."""

from pathlib import Path

from lottery.config import grid
from lottery.config.schema import Params
from lottery.data import corpus_report, corpus_table
from lottery.data.text import glove, tokenize
from lottery.errors import LotteryError
from lottery.pipeline import cli
from lottery.storage import files, paths, token_arrays


def run(params: Params, corpus: str) -> None:
    """Write ``data/tokens/<corpus>/``, whose files :mod:`lottery.storage.token_arrays` lists, and
    ``data/corpora/<corpus>.json``."""
    settings, origin = params.tokens, params.corpora[corpus]
    source = grid.vocabulary_of(params, corpus)
    source_words = None if source == corpus else token_arrays.read_words(paths.tokens(source))
    table = corpus_table.load(paths.corpus_table(corpus))
    documents = tokenize.words_of(table, settings)
    file = Path(origin.source) if origin.is_file else paths.corpus_table(corpus)
    try:
        arrays, words, report = tokenize.tokenize(
            table, documents, settings, origin.dedupe, f"corpora.{corpus}", source_words
        )
    except LotteryError as error:
        raise LotteryError(f"{file}: {error}") from None
    with files.replacing_directory(paths.tokens(corpus)) as folder:
        if settings.vectors is not None:
            vectors, covered, fetched = glove.read(settings.vectors, words)
            token_arrays.write_vectors(folder, vectors, covered)
            report["vectors"] = {**fetched, **tokenize.coverage(arrays, covered)}
        resplit = {"resplit": settings.split_seed} if settings.resplit else {}
        size = {"classes": table.classes, "vocabulary": len(words), **resplit}
        token_arrays.write(folder, arrays, words, size)
    report |= {} if source == corpus else {"vocabulary_of": source}
    report["warnings"] = corpus_report.warnings(report, file.name)
    files.write_json(paths.corpus_report(corpus), {"corpus": corpus, **report})
    corpus_report.print_lines(corpus, report)


if __name__ == "__main__":
    cli.main("tokenize", __doc__, run, "corpus")
