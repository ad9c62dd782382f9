"""Turn the table of one corpus into token arrays, a vocabulary and the vectors of its words."""

from pathlib import Path

from lottery.config.schema import Params
from lottery.data import corpus_report, corpus_table
from lottery.data.text import glove, tokenize
from lottery.errors import LotteryError
from lottery.pipeline import cli
from lottery.storage import files, paths, token_arrays


def run(params: Params, corpus: str) -> None:
    """Write ``data/tokens/<corpus>/`` and ``data/corpora/<corpus>.json``.

    :mod:`lottery.storage.token_arrays` lists the files of the former.
    """
    settings, origin = params.tokens, params.corpora[corpus]
    table = corpus_table.load(paths.corpus_table(corpus))
    documents = tokenize.words_of(table, settings)
    file = Path(origin.source) if origin.is_file else paths.corpus_table(corpus)
    try:
        arrays, words, report = tokenize.tokenize(
            table, documents, settings, origin.dedupe, f"corpora.{corpus}"
        )
    except LotteryError as error:
        raise LotteryError(f"{file}: {error}") from None
    with files.replacing_directory(paths.tokens(corpus)) as folder:
        if settings.vectors is not None:
            vectors, covered, source = glove.read(settings.vectors, words)
            token_arrays.write_vectors(folder, vectors, covered)
            report["vectors"] = {**source, **tokenize.coverage(arrays, covered)}
        size: dict[str, object] = {"classes": table.classes, "vocabulary": len(words)}
        if settings.resplit:
            size["resplit"] = settings.split_seed
        token_arrays.write(folder, arrays, words, size)
    report["warnings"] = corpus_report.warnings(report, file.name)
    files.write_json(paths.corpus_report(corpus), {"corpus": corpus, **report})
    corpus_report.print_lines(corpus, report)


if __name__ == "__main__":
    cli.main("tokenize", __doc__, run, "corpus")
