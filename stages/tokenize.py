"""Turn one corpus's canonical table into token arrays, a vocabulary and its vectors."""

from dataclasses import astuple

from lottery import canonical, files, paths
from lottery.errors import LotteryError
from lottery.params import Params
from lottery.text import tokens, vectors
from stages import _run


def run(params: Params, corpus: str) -> None:
    """``data/tokens/<corpus>/``: arrays a part, ``vocabulary.txt``, vectors, ``report.json``."""
    settings = params.tokens
    table, classes = canonical.load(paths.table(corpus))
    try:
        documents = tokens.parts(table, settings)
    except LotteryError as error:
        raise LotteryError(f"{paths.table(corpus)}: {error}") from None
    arrays, words, report = tokens.tokenize(documents, settings)
    summary = {"corpus": corpus, "classes": classes, "vocabulary": len(words), "parts": report}
    with files.replacing_directory(paths.tokens(corpus)) as folder:
        for name, part in arrays.items():
            for array, kind in zip(astuple(part), ("ids", "offsets", "labels"), strict=True):
                files.write_array(folder / f"{name}.{kind}.npy", array)
        files.write_text(folder / "vocabulary.txt", "".join(f"{word}\n" for word in words))
        if settings.vectors is not None:
            matrix, covered, source = vectors.read(settings.vectors, words)
            files.write_array(folder / "vectors.npy", matrix)
            files.write_array(folder / "covered.npy", covered)
            summary["vectors"] = {**source, "words_covered": int(covered.sum())}
            for name, part in arrays.items():
                report[name]["tokens_with_a_vector"] = tokens.covered_share(part, covered)
        files.write_json(folder / "report.json", summary)
    print(f"{corpus}: {len(words)} words; " + "; ".join(_sentence(*row) for row in report.items()))


def _sentence(part: str, row: dict[str, float]) -> str:
    shares = f"{row['tokens_in_vocabulary']:.1%} in the vocabulary"
    if "tokens_with_a_vector" in row:
        shares += f", {row['tokens_with_a_vector']:.1%} with a vector"
    return f"{part} {row['documents']} documents, {row['tokens']} tokens ({shares})"


if __name__ == "__main__":
    _run.main("tokenize", __doc__, run, "corpus")
