"""Texts, labels and vectors of any kind: what comes through unchanged, and what is refused."""

import json
import random
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import refused

from lottery import corpora
from lottery.config import plugins
from lottery.config.text_schema import Corpus, Tokens
from lottery.corpora import ag_news
from lottery.data import corpus_table
from lottery.data.corpus_table import CorpusTable
from lottery.data.sources import Fetched
from lottery.data.text import glove, tokenize
from lottery.errors import LotteryError
from lottery.storage import paths
from stages import download
from stages import tokenize as tokenize_stage

KINDS = ["csv", "tsv", "jsonl", "parquet"]
TEXTS = {
    "NUL": "before\0after",
    "byte order mark inside": "first\ufeffsecond",
    "right to left": "\u200fשלום\u202e abc \u202c\u2067x\u2069",
    "formula": "=CMD()",
    "more formulas": "@SUM(A1) +1 -2+3|cmd' /C calc'!A0",
    "escape sequence": "\x1b[31mred\x1b[0m \x07",
    "emoji, astral": "\U0001f600 \U0010ffff",
    "not a character": "\ufffe \ufffd",
    "zero width only": "\u200b\u200d",
    "combining": "e" + "\u0301" * 500,
    "quotation marks": "'it''s' ``so``",
    "looks missing": "NA",
    "one word": "x" * 300_000,
}


def write(path: Path, texts: list[Any], labels: list[Any]) -> Path:
    """A file of the kind that its name says, with columns ``t`` and ``l``."""
    frame = pd.DataFrame(
        {"t": pd.Series(texts, dtype=object), "l": pd.Series(labels, dtype=object)}
    )
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        rows = [
            json.dumps({"t": text, "l": label}) for text, label in zip(texts, labels, strict=True)
        ]
        path.write_text("\n".join(rows))
    else:
        separator = "," if path.suffix == ".csv" else "\t"
        lines = [separator.join(map(str, row)) for row in zip(texts, labels, strict=True)]
        if path.suffix == ".csv":
            lines = [f'"{text}",{label}' for text, label in zip(texts, labels, strict=True)]
        path.write_text("\n".join([f"t{separator}l", *lines]), encoding="utf-8", newline="")
    return path


def read(path: Path, **options: Any) -> CorpusTable:
    settings = Corpus(source=str(path), text="t", label="l", test_fraction=0.5, **options)
    return corpora.read("own", settings)[0]


def tokens(**changes: Any) -> Tokens:
    values: dict[str, Any] = {
        "tokenizer": "basic_english",
        "max_tokens": None,
        "documents": None,
        "vocabulary": 10,
        "validation_fraction": 0.5,
        "split_seed": 0,
        "resplit": False,
        "vectors": None,
    }
    return Tokens(**{**values, **changes})


@pytest.mark.parametrize("kind", KINDS)
def test_texts_that_come_through_unchanged(tmp_path: Path, kind: str) -> None:
    """From the file to the corpus table, except that it is in NFC; and it can be tokenized."""
    texts = [f"{text} {copy}" for text in TEXTS.values() for copy in (1, 2)]
    texts += [text for text in TEXTS.values() if text.strip()]
    labels = [("x", "y")[number % 2] for number in range(len(texts))]
    corpus_table.write(
        read(write(tmp_path / f"own.{kind}", texts, labels)), tmp_path / "table.parquet"
    )
    table = corpus_table.load(tmp_path / "table.parquet")
    assert table.frame.text.tolist() == [unicodedata.normalize("NFC", text) for text in texts]
    assert [table.classes[label] for label in table.frame.label] == labels
    for tokenizer in plugins.names("lottery.data.text.tokenizers"):
        settings = tokens(tokenizer=tokenizer, vocabulary=999)
        documents = tokenize.words_of(table, settings)
        words = documents.words
        assert tokenizer == "character" or {"before\0after", "before"} & set(words)
        assert not any(set(word) & set(" \n\r\x85\u2028") for word in words), "one word, one line"
        arrays, _, _ = tokenize.tokenize(table, documents, settings, False, "corpora.own")
        assert sum(len(part.labels) for part in arrays.values()) == len(texts)


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / f"own.{kind}", list("abcd"), list("xyxy"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read(path).frame.text.tolist() == list("abcd")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "cp1252"])
def test_other_encodings_are_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes("t,l\né,x\nè,y\n".encode(encoding))
    refused(lambda: read(path), "own.csv: line ", "not UTF-8; save the file as UTF-8")


def test_lone_surrogates_are_refused(tmp_path: Path) -> None:
    texts, labels = ["a", "b\ud800c", "d", "\udfff"], ["x", "y", "x", "y"]
    path = write(tmp_path / "own.jsonl", texts, labels)
    refused(lambda: read(path), "own.jsonl: row 2: half of a surrogate", "(and 1 more)")
    path = write(tmp_path / "own.jsonl", ["a", "b"], ["x", "y\ud800"])
    refused(lambda: read(path), "own.jsonl: row 2: 'y\\ud800' in column 'l' is not a valid label")
    pair = write(tmp_path / "pair.jsonl", ["\U0001f600", "b"] * 2, ["x", "y"] * 2)
    assert "\\ud83d\\ude00" in pair.read_text(), "a whole pair is a character"
    assert read(pair, dedupe=False).frame.text[1] == "\U0001f600"
    path = tmp_path / "own.csv"
    path.write_bytes(b"t,l\na,x\n\xed\xa0\x80,y\n")
    refused(lambda: read(path), "own.csv: line 3: not UTF-8")


def test_a_parquet_file_with_text_in_no_encoding(tmp_path: Path) -> None:
    text = pa.array([b"a", b"\xff\xfe"]).view(pa.string())
    pq.write_table(pa.table({"t": text, "l": ["x", "y"]}), tmp_path / "own.parquet")
    refused(lambda: read(tmp_path / "own.parquet"), "own.parquet: not a Parquet file", "UTF8")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_single_document_of_50_mb(tmp_path: Path, kind: str) -> None:
    text = "a word, " * (50_000_000 // 8)
    path = write(tmp_path / f"own.{kind}", ["short", text, "c", "d"], ["x", "y", "x", "y"])
    refused(lambda: read(path), f"own.{kind}: row 2: 50,000,000 characters, at most 10,000,000")


@pytest.mark.slow
def test_the_longest_document_comes_through(tmp_path: Path) -> None:
    text = "word " * (corpus_table.MAX_CHARACTERS // 5)
    path = write(tmp_path / "own.jsonl", [text, "b", "c", "d"], ["x", "y", "x", "y"])
    table = read(path)
    assert table.frame.text[1] == text
    documents = tokenize.words_of(table, tokens())
    assert documents.lengths.tolist() == [2_000_000, 1, 1, 1]
    assert documents.cut(100).lengths.tolist() == [100, 1, 1, 1]


def test_a_quotation_mark_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would make one document of what follows."""
    monkeypatch.setattr(corpus_table, "MAX_CHARACTERS", 1000)
    rest = "".join(f"text {number},x\n" for number in range(500))
    (tmp_path / "own.csv").write_text(f't,l\na,x\n"b,y\n{rest}",y\n')
    refused(
        lambda: read(tmp_path / "own.csv"),
        "own.csv: row 2: 5,394 characters",
        "at most 1,000 in column 't'",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_10_000_empty_documents(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / f"own.{kind}", ["a", *[" "] * 10_000], ["x", *["y"] * 10_000])
    refused(lambda: read(path), f"own.{kind}: row 2: no text in column 't' (and 9,999 more)")


def test_10_000_documents_without_a_word() -> None:
    """A quotation mark is text, but no word: each is one <unk>."""
    frame = pd.DataFrame({"text": ['"'] * 10_000, "label": [0, 1] * 5_000, "split": None})
    table, settings = CorpusTable(frame, ["x", "y"], 0.5), tokens()
    documents = tokenize.words_of(table, settings)
    arrays, words, report = tokenize.tokenize(table, documents, settings, False, "corpora.own")
    assert words == ["<unk>", "<pad>"]
    assert arrays["test"].ids.tolist() == [0] * 5_000
    assert report["without_a_token"] == 10_000
    refused(
        lambda: tokenize.tokenize(table, documents, settings, True, "corpora.own"),
        "no document of class 'x' remains: each of the 5,000 has the same words as a document of",
        "corpora.own.dedupe: false",
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "labels",
    [
        ["good", "bad"],
        ["=CMD()", "@x"],
        ["\u200fטוב", "רע"],
        ["-1", "2"],
        ["10000000000000001", "10000000000000002"],
        ["None", "null"],
    ],
)
def test_labels_that_are_accepted(tmp_path: Path, kind: str, labels: list[str]) -> None:
    documents = read(write(tmp_path / f"own.{kind}", list("abcdef"), labels * 3))
    assert [documents.classes[label] for label in documents.frame.label] == labels * 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [["1", "1.0"], ["01", "1"], ["5", "5e0"], ["-0", "0."]])
def test_one_number_written_in_two_ways(tmp_path: Path, kind: str, labels: list[str]) -> None:
    path = write(tmp_path / f"own.{kind}", list("abcdef"), labels * 3)
    refused(
        lambda: read(path), f"own.{kind}: labels '", "'l' are the same number; write it one way"
    )


@pytest.mark.parametrize("label", [1.5, 1.0, float("nan"), float("inf"), None, "", " ", "NaN"])
def test_labels_that_are_refused(tmp_path: Path, label: object) -> None:
    path = write(tmp_path / "own.jsonl", list("abcdef"), ["x", label, "y", "x", "y", "x"])
    refused(
        lambda: read(path),
        "own.jsonl: row 2: ",
        "in column 'l' is not a valid label (expected a word or a",
    )


@pytest.mark.parametrize("labels", [[1.5, 2.0], [1, None], [1.0, float("nan")]])
def test_floats_and_gaps_in_parquet(tmp_path: Path, labels: list[Any]) -> None:
    pd.DataFrame({"t": ["a", "b"], "l": labels}).to_parquet(tmp_path / "own.parquet")
    refused(lambda: read(tmp_path / "own.parquet"), "own.parquet: row ", "is not a valid label")


def test_a_float_in_a_csv_is_a_word(tmp_path: Path) -> None:
    """There is nothing but words in it; truth values are words too."""
    assert read(write(tmp_path / "a.csv", list("abcd"), ["1.5", "2.5"] * 2)).classes == [
        "1.5",
        "2.5",
    ]
    for kind in ("jsonl", "parquet"):
        path = tmp_path / f"a.{kind}"
        assert read(write(path, list("abcd"), [True, False] * 2)).classes == ["False", "True"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[" * 100_000, "line 2 is not valid JSON: "),
        ('{"t": "b", "l": ' + "1" * 5000 + "}", "line 2 is not valid JSON: "),
        ('{"t": "b", "l": "y"', "line 2 is not valid JSON: "),
        ('"text"', "line 2 is not a JSON object"),
        ('{"t": ["b"], "l": "y"}', "row 2: no text in column 't'"),
        ('{"t": "b", "l": {"y": 1}}', "row 2: {'y': 1} in column 'l' is not a valid label"),
        ('{"t": "b", "l": "' + "y" * 10**6 + '"}', "row 2: 'yyyy"),
        ('{"l": "y"}', "row 2: no text in column 't'"),
    ],
)
def test_json_lines_that_are_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"t": "a", "l": "x"}\n' + line + "\n")
    refused(lambda: read(path), "own.jsonl: ", message)


def test_rows_that_each_have_another_key(tmp_path: Path) -> None:
    """3,000 rows with 3,000 keys would be nine million cells."""
    path = tmp_path / "own.jsonl"
    rows = [{"t": f"text {n}", "l": "xy"[n % 2], f"key {n}": 0} for n in range(3000)]
    path.write_text("\n".join(map(json.dumps, rows)))
    tracemalloc.start()
    assert len(read(path).frame) == 3000
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


def test_a_field_of_an_archive_that_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b'"1","title","' + b"x" * 200_000 + b'"\n'
    refused(
        lambda: ag_news._frame("a.tgz: train.csv", content, "train"), "a.tgz: train.csv: line 1"
    )


def test_an_earlier_table_is_never_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = write(tmp_path / "own.jsonl", list("abcd"), list("xyxy"))
    settings: Any = SimpleNamespace(
        corpora={"own": Corpus(source=source.name, text="t", label="l", test_fraction=0.5)}
    )
    download.run(settings, "own")
    before = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*.*")}
    assert len(before) == 2
    for texts in (["a", "b", "c", "d\ud800"], ["a", "b", "c", " "]):
        write(source, texts, list("xyxy"))
        refused(lambda: download.run(settings, "own"), "own.jsonl: row 4")
        assert {path: path.read_bytes() for path in (tmp_path / "data").rglob("*.*")} == before


@pytest.mark.parametrize("users", [False, True], ids=["corpus table", "a user's"])
def test_tables_with_random_damage(tmp_path: Path, users: bool) -> None:
    """A table that is not as it was written is one line, or still a table."""
    path = tmp_path / "table.parquet"
    frame = pd.DataFrame({"text": [f"text {n}" for n in range(40)], "label": 0, "split": "train"})
    if users:
        write(path, frame.text.tolist(), ["x", "y"] * 20)
    else:
        corpus_table.write(CorpusTable(frame, ["x", "y"]), path)
    content, generator, lines = path.read_bytes(), random.Random(0), 0
    for _ in range(100):
        changed = bytearray(content)
        changed[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        path.write_bytes(changed)
        try:
            table = read(path, dedupe=False).frame if users else corpus_table.load(path).frame
            assert list(table) == ["text", "label", "split"]
        except LotteryError as error:
            assert str(path) in str(error) or str(error).startswith("own: ")
            assert "\n" not in str(error)
            lines += 1
    assert lines > 10
    pq.write_table(pa.table({"text": ["a"], "label": ["b"]}), path)
    refused(lambda: corpus_table.load(path), "table.parquet: damaged", "run 'dvc repro' to regen")


@pytest.fixture
def glove_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Path]:
    """Make a text with vectors of two numbers stand in for GloVe's 50-dimensional ones."""

    def put(content: bytes) -> Path:
        path = tmp_path / "v.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("v.txt", content)
        fetched = Fetched(path, "mirror", "v", "0")

        def rows(row_of: dict[str, int]) -> Any:
            return fetched, glove.text_rows(path, "v.txt", 2, row_of)

        monkeypatch.setitem(glove.READERS, "glove.6B.50d", (2, rows))
        return path

    return put


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"the 1\n", "v.txt: line 1: 1 numbers, expected 2"),
        (b"a 1 2\nthe 1 2 3\n", "v.txt: line 2: 3 numbers, expected 2"),
        (b"the 1 2\na 3 4\nthe 1 2\n", "the word 'the' appears twice"),
        (b"the 1 two\n", "v.txt: line 1: contains a value that is not a number"),
        (b"the 1 \n", "v.txt: line 1: contains a value that is not a number"),
        (b"the 1 nan\n", "the vector of 'the' is not finite"),
        (b"the 1 -1e999\n", "the vector of 'the' is not finite"),
        (b"the 1 2\na " + b"1" * (64 << 20), "v.txt: line 2: longer than 65536 bytes"),
    ],
)
def test_vectors_that_are_refused(
    glove_file: Callable[[bytes], Path], content: bytes, message: str
) -> None:
    path = glove_file(content)
    tracemalloc.start()
    refused(lambda: glove.read("glove.6B.50d", ["the"]), str(path), message, "tokens.vectors")
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_words_in_no_encoding_match_no_word(glove_file: Callable[[bytes], Path]) -> None:
    """A document may contain the replacement character, which such a word is read as."""
    glove_file(b"\xff 1 2\n\xfe 3 4\nthe 5 6\n")
    matrix, covered, _ = glove.read("glove.6B.50d", ["\ufffd", "the"])
    assert covered.tolist() == [False, True]
    assert matrix.tolist() == [[0, 0], [5, 6]]


def test_special_words_never_take_a_vector(glove_file: Callable[[bytes], Path]) -> None:
    """Their rows of the embedding are zero: one is of all unknown words, one is no word at all."""
    glove_file(b"<unk> 1 2\nthe 5 6\n<pad> 3 4\n")
    matrix, covered, _ = glove.read("glove.6B.50d", ["<unk>", "<pad>", "the"])
    assert covered.tolist() == [False, False, True]
    assert matrix.tolist() == [[0, 0], [0, 0], [5, 6]]


def test_earlier_tokens_are_never_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, glove_file: Callable[[bytes], Path]
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"text": [f"the {n}" for n in range(40)], "label": [0, 1] * 20})
    frame["split"] = np.repeat(["train", "test"], 20)
    corpus_table.write(CorpusTable(frame, ["x", "y"]), paths.corpus_table("own"))
    settings: Any = SimpleNamespace(
        tokens=tokens(vocabulary=9, vectors="glove.6B.50d"),
        corpora={"own": Corpus(source="own.csv", text="t", label="l", split="s")},
        transfer=SimpleNamespace(pairs=(), vocabulary="source"),
    )
    glove_file(b"the 1 2\n")
    tokenize_stage.run(settings, "own")
    before = {path: path.read_bytes() for path in paths.tokens("own").iterdir()}
    glove_file(b"the 1\n")
    refused(lambda: tokenize_stage.run(settings, "own"), "v.txt: line 1")
    assert {path: path.read_bytes() for path in paths.tokens("own").iterdir()} == before
    assert [path.name for path in paths.tokens("own").parent.iterdir()] == ["own"]
