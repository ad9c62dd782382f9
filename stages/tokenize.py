"""Turn the table of one corpus into token arrays, a vocabulary and the vectors of its words."""

from lottery.config.schema import Params
from lottery.data import corpus_table
from lottery.data.text import glove, tokenize
from lottery.errors import LotteryError
from lottery.pipeline import cli
from lottery.storage import files, paths, token_arrays


def run(params: Params, corpus: str) -> None:
    """Write ``data/tokens/<corpus>/``; :mod:`lottery.storage.token_arrays` lists its files."""
    settings = params.tokens
    table, classes = corpus_table.load(paths.corpus_table(corpus))
    try:
        splits = tokenize.splits(table, settings, classes)
    except LotteryError as error:
        origin = params.corpora[corpus]
        file = origin.source if origin.is_file else paths.corpus_table(corpus)
        raise LotteryError(f"{file}: {error}") from None
    arrays, words, parts = tokenize.tokenize(splits, settings)
    report = {"corpus": corpus, "classes": classes, "vocabulary": len(words), "parts": parts}
    with files.replacing_directory(paths.tokens(corpus)) as folder:
        if settings.vectors is not None:
            vectors, covered, source = glove.read(settings.vectors, words)
            token_arrays.write_vectors(folder, vectors, covered)
            report["vectors"] = {**source, "words_covered": int(covered.sum())}
            for split, part in arrays.items():
                parts[split]["tokens_with_a_vector"] = tokenize.covered_share(part, covered)
        token_arrays.write(folder, arrays, words, report)
    print(f"{corpus}: {len(words)} words; {tokenize.summary(parts)}")


if __name__ == "__main__":
    cli.main("tokenize", __doc__, run, "corpus")
