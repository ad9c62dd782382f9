"""Files of users as they are in the wild, through ``make check``, ``download`` and ``tokenize``."""

import csv
import gzip
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_corpus import Project, frame

from lottery.data import corpus_table, stratified
from lottery.storage import paths, token_arrays

pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules")


@pytest.mark.parametrize(
    "source",
    [
        "data/raw/own.parquet",
        "./data/tokens/../raw/own.parquet",
        "data/raw/OWN.parquet",
        "link.parquet",
        "data/raw/own.json",
        "data/tokens/own/mine.csv",
        "data/dense/mine.csv",
        "plots/tables/mine.csv",
        "metrics/mine.csv",
    ],
)
def test_nothing_of_the_users_is_overwritten(project: Project, source: str) -> None:
    Path("data/tokens").mkdir(parents=True)
    path = Path("data/raw/own.parquet" if source == "link.parquet" else source)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame().to_parquet(path)
    else:
        frame().to_csv(path, index=False)
    if source == "link.parquet":
        Path(source).symlink_to(path)
    before = path.read_bytes()
    project.corpus(source)
    for line in (project.check(), project.download()):
        assert f"corpora.own.source: {source} would be overwritten" in line
        assert "move your file elsewhere" in line
    assert path.read_bytes() == before


def test_a_users_file_in_place_of_the_table_is_kept(project: Project) -> None:
    """Also if the corpus reads another one."""
    Path("data/raw").mkdir(parents=True)
    frame().to_parquet("data/raw/own.parquet")
    frame().to_csv("own.csv", index=False)
    before = Path("data/raw/own.parquet").read_bytes()
    project.corpus("own.csv")
    for line in (project.check(), project.download()):
        assert "data/raw/own.parquet: not written by this pipeline" in line
        assert "move the file elsewhere" in line
    assert Path("data/raw/own.parquet").read_bytes() == before


def test_a_users_file_beside_the_table_is_read(project: Project) -> None:
    Path("data/raw").mkdir(parents=True)
    frame().to_parquet("data/raw/mine.parquet")
    project.corpus("data/raw/mine.parquet")
    assert project.check() == ""
    for _ in range(2):  # the second time, there is a table of ours
        assert "own: 20 documents" in project.download()
    assert project.check() == ""


@pytest.mark.parametrize("dtype", ["Int64", "Int8", "float64", "boolean", "category"])
def test_the_row_without_a_label_is_named(project: Project, dtype: str) -> None:
    """Whole numbers stay such beside a missing one, and pandas' own floats are not blamed."""
    table = frame()
    labels: list[Any] = [number % 2 for number in range(20)]
    labels[12] = None
    table["stars"] = pd.Series(labels, dtype=dtype)
    # Without pandas' notes on its own types, as other programs write it.
    pq.write_table(pa.Table.from_pandas(table).replace_schema_metadata(), "own.parquet")
    project.corpus("own.parquet")
    assert "own.parquet: row 13: " in (line := project.download())
    assert "in column 'stars' is not a valid label" in line
    table.drop(index=12).to_parquet("own.parquet")
    if dtype != "float64":
        assert "own: 19 documents" in project.download()


@pytest.mark.parametrize("index", [["review"], ["stars"], ["review", "stars"], ["part", "review"]])
def test_a_column_that_pandas_kept_as_the_index_is_found(
    project: Project, index: list[str]
) -> None:
    frame().assign(part=["train", "test"] * 10).set_index(index).to_parquet("own.parquet")
    project.corpus("own.parquet")
    assert "own: 20 documents" in project.download()
    table = corpus_table.load(paths.corpus_table("own"))
    assert sorted(table.frame.text) == sorted(frame().review)
    assert table.classes == ["x", "y"]


def packed(content: bytes) -> bytes:
    """Without the time, so that tests have the same names everywhere."""
    return gzip.compress(content, mtime=0)


def as_test_id(value: object) -> str:
    """The name of a test's parameter."""
    return value if isinstance(value, str) else ""


CSV = frame().to_csv(index=False).encode()
TSV = frame().to_csv(index=False, sep="\t").encode()
JSONL = frame().to_json(orient="records", lines=True).encode()
ARRAY = frame().to_json(orient="records").encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("A.CSV", CSV),
        ("a.Tsv", TSV),
        ("a.JSONL", JSONL),
        ("a.csv.gz", packed(CSV)),
        ("a.tsv.gz", packed(TSV)),
        ("a.jsonl.gz", packed(JSONL)),
        ("A.CSV.GZ", packed(CSV)),
        ("two members.csv.gz", packed(CSV[:50]) + packed(CSV[50:])),
    ],
    ids=as_test_id,
)
def test_names_in_capitals_and_packed_files_are_read(
    project: Project, name: str, content: bytes
) -> None:
    Path(name).write_bytes(content)
    project.corpus(name)
    assert "own: 20 documents" in project.download()
    table = corpus_table.load(paths.corpus_table("own")).frame
    assert sorted(table.text) == sorted(frame().review)


def test_parquet_in_capitals(project: Project) -> None:
    frame().to_parquet("A.PARQUET")
    project.corpus("A.PARQUET")
    assert "own: 20 documents" in project.download()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", packed(CSV), "a.csv: packed with gzip; rename it to a.csv.gz"),
        ("a.tsv", b"PK\x03\x04...", "a.tsv: a zip file under another name; unpack it, or save the"),
        ("a.csv", b"BZh9...", "a.csv: a bzip2 file under another name; unpack it"),
        ("a.jsonl", b"PAR1...", "a.jsonl: a Parquet file under another name; rename it to end in"),
        (
            "a.xlsx",
            b"PK\x03\x04...",
            "a.xlsx: a zip file; unpack it, or save the spreadsheet as CSV",
        ),
        ("a.csv.gz", CSV, "a.csv.gz: the name says gzip, but it is not packed; rename it without"),
        ("a.csv.gz", b"PAR1...", "a.csv.gz: the name says gzip, but it is a Parquet file; rename"),
        ("a.csv.gz", packed(CSV)[:-9], "a.csv.gz: cannot be unpacked"),
        ("a.csv.gz", b"\x1f\x8b\x08" + b"\0" * 30, "a.csv.gz: cannot be unpacked"),
        ("a.parquet.gz", packed(b"PAR1"), "the name must end in one of .csv, "),
        ("a.csv.zip", b"PK\x03\x04...", "a.csv.zip: a zip file; unpack it"),
        ("a.json", JSONL, "one JSON object per line is called JSONL here; rename it to a.jsonl"),
        ("A.JSON", b"\n" + JSONL, "rename it to A.jsonl"),
        ("a.ndjson", JSONL, "rename it to a.jsonl"),
        ("a.json.gz", packed(JSONL), "rename it to a.jsonl.gz"),
        ("a.json", ARRAY, "write it with one JSON object per line, as a.jsonl (in pandas: "),
        ("a.txt", CSV, "a.txt: the name must end in one of .csv, .tsv, .jsonl, .parquet; a text"),
        ("a", CSV, "a: the name must end in one of .csv"),
    ],
    ids=as_test_id,
)
def test_a_file_under_another_name_is_named_as_what_it_is(
    project: Project, name: str, content: bytes, message: str
) -> None:
    Path(name).write_bytes(content)
    project.corpus(name)
    assert message in project.download()


HARD_TEXTS = [
    'he said "no"',
    "a\ttab",
    "two\nlines",
    '"',
    "a, comma",
    "plain",
    "back\\slash",
    "none",
]


def as_r_writes(table: pd.DataFrame) -> str:
    """``write.table(table, sep = "\\t", row.names = FALSE)``."""
    rows = [list(table), *table.to_numpy().tolist()]
    return "".join(
        "\t".join('"' + value.replace('"', '\\"') + '"' for value in row) + "\n" for row in rows
    )


def as_excel_writes(table: pd.DataFrame) -> str:
    """Its "Text (tab delimited)"."""
    rows = [list(table), *table.to_numpy().tolist()]
    return "".join(
        "\t".join(
            '"' + value.replace('"', '""') + '"' if re.search('[",\t\n]', value) else value
            for value in row
        )
        + "\r\n"
        for row in rows
    )


TSV_WRITERS = {
    "pandas": lambda table: table.to_csv(sep="\t", index=False),
    "pandas, all": lambda table: table.to_csv(sep="\t", index=False, quoting=csv.QUOTE_ALL),
    "R": as_r_writes,
    "Excel": as_excel_writes,
}


@pytest.mark.parametrize("writer", TSV_WRITERS)
def test_tsvs_with_quoted_fields_are_recognised(project: Project, writer: str) -> None:
    table = pd.DataFrame({"review": HARD_TEXTS, "stars": ["x", "y"] * 4})
    Path("own.tsv").write_bytes(TSV_WRITERS[writer](table).encode())
    project.corpus("own.tsv")
    project.download()
    read = corpus_table.load(paths.corpus_table("own")).frame
    assert read.text.tolist() == HARD_TEXTS


@pytest.mark.parametrize(
    "texts",
    [
        ['"so good', "bad", 'he said "no"', "worse"],
        ['"Great film"', "bad", '"Never again"', "worse"],
        ['"Great, really"', "bad", "c", "d"],
        ['""', '"', 'a ""', "d"],
        ['5" disc', 'a 7" single', "c", "d"],
    ],
)
def test_in_another_tsv_quotation_marks_are_text(project: Project, texts: list[str]) -> None:
    rows = [f"{text}\t{label}" for text, label in zip(texts, "xyxy", strict=True)]
    Path("own.tsv").write_text("\n".join(["review\tstars", *rows]))
    project.corpus("own.tsv", test_fraction=0.5)
    project.download()
    assert corpus_table.load(paths.corpus_table("own")).frame.text.tolist() == texts


def test_a_name_in_quotes_is_one_where_params_say_so(project: Project) -> None:
    Path("own.tsv").write_text(
        '"review"\t"stars"\n' + "".join(f'"{n}\tx\nb{n}\ty\n' for n in "abc")
    )
    project.corpus("own.tsv", text='"review"', label='"stars"')
    assert "own: 6 documents" in project.download()


@pytest.mark.parametrize(
    ("name", "rows", "advice"),
    [
        ("own.csv", ["a, b,x", "c, d,y"], "put a text that contains a comma in double quotes"),
        ("own.tsv", ["a\tb\tx", "c\td\ty"], "write a space for each tab inside a text, or save"),
        ("own.csv", ["a,x", "c, d,y"], "put a text that contains a comma in double quotes"),
        ("own.tsv", ["a\tx", "c\td\ty"], "write a space for each tab inside a text, or save"),
    ],
)
def test_advice_is_for_the_kind_of_file(
    project: Project, name: str, rows: list[str], advice: str
) -> None:
    header = "review,stars" if name == "own.csv" else "review\tstars"
    Path(name).write_text("\n".join([header, *rows]) + "\n")
    project.corpus(name)
    assert advice in project.download()


def test_row_names_of_r(project: Project) -> None:
    Path("own.tsv").write_text('"review"\t"stars"\n"1"\t"a"\t"x"\n"2"\t"b"\t"y"\n')
    project.corpus("own.tsv")
    assert "if R wrote the file, use row.names = FALSE" in project.download()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Positive", "positive"),
        ("true", "True"),
        ("very good", "very  good"),
        ("very good", "Very\u00a0good"),
        ("straße", "STRASSE"),
    ],
)
def test_labels_that_differ_in_case_or_white_space(project: Project, one: str, other: str) -> None:
    table = frame()
    table["stars"] = [one, "bad", other, "bad"] * 5
    table.to_csv("own.csv", index=False)
    project.corpus("own.csv")
    line = project.download()
    labels = f"labels {one!r} (row 1) and {other!r} (row 3) in column 'stars'"
    assert "own.csv: " + " ".join(labels.split()) in line
    assert "differ in case or white space only; write it one way" in line


def test_truth_values_and_words(project: Project) -> None:
    rows = [{"review": f"film {n}", "stars": (True, "true", False)[n % 3]} for n in range(12)]
    Path("own.jsonl").write_text("\n".join(map(json.dumps, rows)))
    project.corpus("own.jsonl")
    assert "labels 'True' (row 1) and 'true' (row 2)" in project.download()


def test_classes_are_printed_with_their_counts(project: Project) -> None:
    table = frame(100)
    table["stars"] = ["bad"] * 10 + ["good"] * 90
    table.to_csv("own.csv", index=False)
    project.corpus("own.csv")
    output = project.download()
    assert "own: 100 documents (no split yet, test_fraction 0.3); 2 classes: bad 10, good 90" in (
        output
    )
    table["stars"] = [f"class {number % 50}" for number in range(100)]
    table.to_csv("own.csv", index=False)
    project.corpus("own.csv", test_fraction=0.5)
    output = project.download()
    assert "50 classes: class 0 2, class 1 2, class 10 2, " in output
    assert output.endswith(", and 20 more\n")


@pytest.mark.parametrize("word", ["긍정", "café", "ầm", "ガ"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_two_unicode_forms_are_one(project: Project, word: str, kind: str) -> None:
    """As a column's name, a label, a word and a duplicate."""
    composed, decomposed = (unicodedata.normalize(form, word) for form in ("NFC", "NFD"))
    assert composed != decomposed
    table = pd.DataFrame(
        {
            decomposed: [f"{(composed, decomposed)[n % 2]} {n // 2 + n % 3}" for n in range(40)],
            "stars": [(composed, "x", decomposed, "x")[n % 4] for n in range(40)],
        }
    )
    if kind == "csv":
        table.to_csv("own.csv", index=False)
    elif kind == "jsonl":
        table.to_json("own.jsonl", orient="records", lines=True)
    else:
        table.to_parquet("own.parquet")
    project.corpus(f"own.{kind}", text=composed)
    project.download()
    read = corpus_table.load(paths.corpus_table("own"))
    assert read.classes == sorted(["x", composed])
    texts = [text.replace(decomposed, composed) for text in table[decomposed]]
    assert read.frame.text.tolist() == texts
    distinct = set(texts)
    assert len(distinct) < 40
    assert f"dropped: {40 - len(distinct)} duplicates, 0 contr" in project.tokenize()
    words = Path("data/tokens/own/vocabulary.txt").read_text().split()
    assert [name for name in words if not name[0].isascii() or name == composed] == [composed]


def classes(**counts: int) -> None:
    """Write ``own.csv``: so many distinct documents of each class."""
    labels = [name for name, count in counts.items() for _ in range(count)]
    frame(len(labels)).assign(stars=labels).to_csv("own.csv", index=False)


def split_counts(split: str) -> list[int]:
    """How many documents of each class are in a split of the tokens."""
    return np.bincount(token_arrays.read(paths.tokens("own"), split).labels).tolist()


def test_a_class_of_one_is_named(project: Project) -> None:
    """Not by its number, which is another valid label."""
    classes(**{"1": 20, "2": 20, "3": 20, "4": 20, "5": 1})
    project.corpus("own.csv")
    line = project.download()
    assert "own.csv: class '5' has only 1 document here, but corpora.own.test_fraction" in line
    assert "one for training and one for testing; add documents of the class, or remove" in line


def test_a_class_of_two_is_named(project: Project) -> None:
    """One is for testing, so there is none for validation: the user's file is named."""
    classes(**{"1": 20, "2": 20, "3": 20, "4": 20, "5": 2})
    project.corpus("own.csv")
    project.download()
    line = project.tokenize()
    assert "own.csv: class '5' has only 1 document here, but tokens.validation_fraction 0.3" in line


def test_a_class_of_three_is_in_each_split(project: Project) -> None:
    classes(a=60, b=60, c=3)
    project.corpus("own.csv", test_fraction=0.1, tokens={"validation_fraction": 0.1})
    project.download()
    project.tokenize()
    for split in ("train", "validation", "test"):
        assert split_counts(split)[2] == 1


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("test_fraction", 0.01, "test_fraction 0.01 draws 4 for testing, fewer than the 20 cl"),
        ("test_fraction", 0.99, "test_fraction 0.99 leaves 4 for training, fewer than the 20"),
        ("validation_fraction", 0.01, "fraction 0.01 draws 3 for validation, fewer than the 20"),
        ("validation_fraction", 0.99, "fraction 0.99 leaves 3 for training, fewer than the 20"),
        ("documents", 39, "tokens.documents 39 is too few for 20 classes, each"),
    ],
)
def test_too_few_for_the_classes(project: Project, key: str, value: float, message: str) -> None:
    classes(**{f"c{number}": 20 for number in range(20)})
    if key == "test_fraction":
        project.corpus("own.csv", test_fraction=value)
    else:
        project.corpus("own.csv", tokens={key: value})
        project.download()
    line = project.download() if key == "test_fraction" else project.tokenize()
    assert line.startswith("error: own.csv: ")
    assert message in line
    assert "choose a" in line


@pytest.mark.parametrize("left_out", [0, 1, 2, 3])
def test_there_is_no_condition_on_what_is_left_out(project: Project, left_out: int) -> None:
    classes(a=25, b=25, c=20)
    project.corpus("own.csv", test_fraction=0.3, tokens={"documents": 49 - left_out})
    project.download()
    project.tokenize()
    used = [sum(split_counts(split)) for split in ("train", "validation")]
    assert sum(used) == 49 - left_out


def test_a_sample_keeps_rare_classes(project: Project) -> None:
    classes(a=1600, b=1595, c=5)
    project.corpus("own.csv", tokens={"documents": 400, "validation_fraction": 0.3})
    project.download()
    project.tokenize()
    train, validation = split_counts("train"), split_counts("validation")
    assert (train[2], validation[2]) == (1, 1)
    assert (sum(train), sum(validation)) == (280, 120)


@given(
    counts=st.lists(st.integers(3, 30), min_size=2, max_size=12),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 5),
)
def test_a_draw_has_the_size_and_each_class(counts: list[int], share: float, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    size = min(max(round(share * len(labels)), len(counts)), len(labels) - len(counts))
    drawn = stratified.draw(labels, size, seed, 1, 1)
    assert drawn.sum() == size
    assert np.bincount(labels[drawn], minlength=len(counts)).min() >= 1
    assert np.bincount(labels[~drawn], minlength=len(counts)).min() >= 1
    assert (drawn == stratified.draw(labels, size, seed, 1, 1)).all()
    any_size = stratified.draw(labels, max(size, 2 * len(counts)), seed, 2, 0)
    assert np.bincount(labels[any_size]).min() >= 2


def test_a_thousand_classes(project: Project) -> None:
    classes(**{f"class {number}": 5 for number in range(1000)})
    project.corpus("own.csv", tokens={"validation_fraction": 0.4})
    assert "; 1,000 classes: class 0 5, class 1 5, class 10 5, " in project.download()
    table = corpus_table.load(paths.corpus_table("own"))
    names = table.classes
    assert len(names) == 1000
    assert sorted(names[label] for label in table.frame.label) == sorted(names * 5)
    project.tokenize()
    assert token_arrays.read_size(paths.tokens("own")).classes == 1000
    for split in ("train", "validation"):
        assert len(split_counts(split)) == 1000
        assert min(split_counts(split)) >= 1


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("validation", "; validation documents are drawn from those for training (tokens.val"),
        ("Dev", "write train in these rows, or remove them"),
        ("Train", "; write train"),
        ("testing", "; write test"),
        ("unsupervised", "; fix the file or remove the row"),
    ],
)
def test_other_words_in_a_split_column(project: Project, value: str, hint: str) -> None:
    table = frame().assign(part=["train"] * 15 + ["test"] * 5)
    table.loc[3, "part"] = value
    table.to_csv("own.csv", index=False)
    project.corpus("own.csv", split="part")
    line = project.download()
    assert f"own.csv: row 4: expected train or test in column 'part', got '{value}'" in line
    assert hint in line


@pytest.mark.parametrize(
    ("missing", "hint"),
    [
        ("reviws.csv", "reviews.csv"),
        ("Reviews.CSV", "reviews.csv"),
        ("reviews.csv.gz", "reviews.csv"),
        ("archive/reviews.csv", "reviews.csv"),
        ("more.jsonl", "data/more.jsonl"),
        ("moer.jsonl", "data/more.jsonl"),
        ("src/lottery/corpora/reuters_r8", "src/lottery/corpora/reuters_r8.py"),
    ],
)
def test_a_missing_file_and_those_that_may_be_meant(
    project: Project, missing: str, hint: str
) -> None:
    Path("data").mkdir()
    Path("reviews.csv").write_bytes(CSV)
    Path("data/more.jsonl").write_bytes(JSONL)
    Path("reviews.txt").write_bytes(CSV)
    project.corpus(missing)
    line = project.check()
    assert line == f"error: corpora.own.source: {missing} not found; did you mean '{hint}'?"
    if not hint.endswith(".py"):
        assert project.download() == f"error: {missing}: not found; did you mean '{hint}'?"


def test_a_missing_file_and_none_like_it(project: Project) -> None:
    project.corpus("nowhere/else.tsv")
    line = project.check()
    assert line.endswith("else.tsv not found; give its path from the root of the repository")
    assert project.download().endswith("not found; give its path from the root of the repository")
