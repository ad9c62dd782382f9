"""Corpora: real files from the package index, the facts of the official ones, a user's own."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT

from lottery import corpora
from lottery.config import params
from lottery.config.text_schema import Corpus, Tokens
from lottery.corpora import ag_news
from lottery.corpora.imdb import POOLED
from lottery.data import corpus_table, splits
from lottery.data.corpus_table import CorpusTable
from lottery.data.text import duplicates, tokenize
from lottery.errors import LotteryError


def builtin(name: str, **options: object) -> Corpus:
    return Corpus(source=f"src/lottery/corpora/{name}.py", **options)  # type: ignore[arg-type]


def rows(report: dict) -> dict[str, int]:  # type: ignore[type-arg]
    return {split: sum(counts.values()) for split, counts in report["rows"].items()}


@pytest.mark.parametrize(
    ("name", "classes", "expected", "fraction"),
    [
        ("rotten_tomatoes", 2, {"no split": 8530}, 0.2),
        ("imdb_25k", 2, {"no split": 25000}, 0.2),
        ("reuters_r8", 8, {"train": 5485, "test": 2189}, None),
        ("newsgroups", 20, {"train": 11293, "test": 7528}, None),
    ],
)
def test_corpora_of_the_package_index(
    name: str, classes: int, expected: dict[str, int], fraction: float | None, tmp_path: Path
) -> None:
    table, report = corpora.read(name, builtin(name))
    assert len(table.classes) == classes
    assert rows(report) == expected
    assert table.test_fraction == report["test_fraction"] == fraction
    frame = table.frame
    assert frame.split.isna().all() == (fraction is not None)
    assert "<br />" not in "".join(frame.text)
    corpus_table.write(table, tmp_path / "a.parquet")
    corpus_table.write(table, tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    read = corpus_table.load(tmp_path / "a.parquet")
    assert read.frame.text.tolist() == frame.text.tolist()
    assert read.frame.label.tolist() == frame.label.tolist()
    assert read.frame.split.isna().tolist() == frame.split.isna().tolist()
    assert (read.classes, read.test_fraction) == (table.classes, fraction)
    assert str(read.frame.label.dtype) == "int16"


def straddling(table: CorpusTable) -> dict[str, int]:
    """How many documents of a split equal one that a network is fitted or chosen on, at the
    settings of the profile ``full``: test of training and validation, validation of training."""
    settings = Tokens(
        tokenizer="basic_english",
        max_tokens=None,
        documents=None,
        vocabulary=50_000,
        validation_fraction=0.3,
        split_seed=0,
        vectors=None,
        resplit=False,
    )
    group = duplicates.groups(tokenize.words_of(table, settings))
    frame = table.frame.reset_index(drop=True)
    if table.test_fraction is not None:
        frame = splits.with_test(frame, table.test_fraction)
    rows_of = splits.splits(frame, settings, table.classes)
    train, validation, test = (group[rows_of[name].index] for name in rows_of)
    return {
        "test": int(np.isin(test, np.concatenate([train, validation])).sum()),
        "validation": int(np.isin(validation, train).sum()),
    }


def test_imdb_facts(mirror: Path) -> None:
    """With what docs/data.md says of the split."""
    table, report = corpora.read("imdb", builtin("imdb", split="study"))
    assert report["documents_read"] == 50_000
    assert report["selection"] == POOLED
    assert table.test_fraction == 0.2
    assert table.frame.split.isna().all()
    assert straddling(table) == {"test": 131, "validation": 120}
    both, report = corpora.read("imdb", builtin("imdb", split="official"))
    assert "selection" not in report
    assert rows(report) == {"train": 25_000, "test": 25_000}
    assert both.test_fraction is None
    train, test = (set(both.frame.text[both.frame.split == split]) for split in ("train", "test"))
    assert len(train & test) == 123
    assert len(train) == 24_904


def test_ag_news_facts(mirror: Path) -> None:
    documents, report = corpora.read("ag_news", builtin("ag_news", dedupe=False))
    assert rows(report)["test"] == 7_600
    assert report["rows_in_files"]["test"] == 7_600
    if rows(report)["train"] == 22_620:
        shares = "World 6,509, Sports 4,785, Business 4,787, Sci/Tech 6,539"
        assert "used 22,620 of the official 120,000 training rows" in report["selection"]
        assert report["selection"].endswith(shares)
        assert straddling(documents) == {"test": 4, "validation": 7}
    text = "\n".join(documents.frame.text)
    for remnant in (" #39;", "quot;", "&lt;", "&gt;", "\\", "<b>", "amp;"):
        assert remnant not in text, remnant


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        ("numbered_entities", "the Web #39;s No. 1", "the Web's No. 1"),
        ("numbered_entities", "again  #151; this", "again \u2014 this"),
        ("numbered_entities", "item #1; and &#39; kept", "item #1; and &#39; kept"),
        ("named_entities", "as  quot;opt-out? quot; The", 'as "opt-out?" The'),
        ("named_entities", "AT amp;T and  quot;x", 'AT&T and "x'),
        ("named_entities", "expressed quot;deepest", 'expressed "deepest'),
        ("named_entities", "Western  amp;amp;amp; Southern", "Western & Southern"),
        ("named_entities", "a &amp;lt; b", "a &amp;lt; b"),
        ("numbered_entities", "again  #x2014; this", "again \u2014 this"),
        ("named_entities", "five cent; &lt;b&gt;", "five cent; &lt;b&gt;"),
        ("whole_entities", "&lt;b&gt;bold&lt;/b&gt; &#39;", "<b>bold</b> '"),
        ("tags", '<a href="x">El</a> <br/>Reg <FONT size=1', " El   Reg  "),
        ("tags", "Google <GOOG.O> and 3 < 4 > 2", "Google <GOOG.O> and 3 < 4 > 2"),
        ("line_breaks", "dwindling\\band of \\$10", "dwindling band of  $10"),
        ("spaces", "a  b\u00a0c\n", "a b c"),
        ("repair", "AT amp;T #39;s &lt;b&gt;...&lt;/b&gt;", "AT&T's ..."),
    ],
)
def test_ag_news_repairs(step: str, before: str, after: str) -> None:
    assert getattr(ag_news, step)(before) == after


FILES = {
    "csv": "text,stars,part\n"
    + "".join(f'"good, {n}",5,train\nbad {n},1,test\n' for n in range(9)),
    "tsv": "text\tstars\tpart\n"
    + "".join(f"good {n}\t5\ttrain\nbad {n}\t1\ttest\n" for n in range(9)),
    "jsonl": "".join(
        json.dumps({"text": f"{word} {n}", "stars": stars, "part": "train"}) + "\n"
        for n in range(9)
        for word, stars in (("good", 5), ("bad", 1))
    ),
}


@pytest.mark.parametrize("kind", [*FILES, "parquet"])
def test_a_file_of_ones_own(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"own.{kind}"
    if kind == "parquet":
        frame = pd.DataFrame({"text": [f"t {n}" for n in range(18)], "stars": [1, 5] * 9})
        frame.to_parquet(path)
    else:
        path.write_text(FILES[kind])
    settings = Corpus(source=str(path), text="text", label="stars", test_fraction=0.25)
    documents, report = corpora.read("own", settings)
    assert documents.classes == ["1", "5"]
    assert sum(rows(report).values()) == 18
    assert report["sources"][0]["origin"] == "own file"
    assert str(tmp_path) not in json.dumps(report)


def test_labels_mean_what_the_file_says(tmp_path: Path) -> None:
    frame = corpora.read("r", builtin("rotten_tomatoes"))[0].frame
    good = frame[frame.text.str.startswith("the rock is destined to be the 21st century's new")]
    bad = frame[frame.text.str.startswith("simplistic , silly and tedious")]
    assert (good.label.tolist(), bad.label.tolist()) == ([1], [0])
    path = tmp_path / "own.csv"
    path.write_text(
        "t,l\n" + "".join(f"d{n},{label}\n" for n, label in enumerate(["--5", "10", "9"] * 5))
    )
    documents, _ = corpora.read(
        "own", Corpus(source=str(path), text="t", label="l", test_fraction=0.3)
    )
    assert documents.classes == ["9", "10", "--5"], "numbers by value, before words"
    assert documents.frame.label.head(3).tolist() == [2, 1, 0]


def test_in_a_tsv_quotation_marks_are_text(tmp_path: Path) -> None:
    path = tmp_path / "own.tsv"
    path.write_text('t\tl\n"so good\t1\nbad\t0\nhe said "no"\t1\nworse\t0\n')
    documents, _ = corpora.read(
        "own", Corpus(source=str(path), text="t", label="l", test_fraction=0.5)
    )
    assert documents.frame.text.tolist() == ['"so good', "bad", 'he said "no"', "worse"]


def write_ag_news(path: Path, train: list[int]) -> None:
    """An archive with a training row per label (from 1 to 4) in ``train``, and one test row."""
    with tarfile.open(path, "w:gz") as archive:
        for split, labels in (("train", train), ("test", [1])):
            member = tarfile.TarInfo(f"ag_news_csv/{split}.csv")
            lines = [f'"{label}","title","text {n}"\n' for n, label in enumerate(labels)]
            content = "".join(lines).encode()
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    ("train", "end"),
    [
        ([1, 2, 3, 4], " training rows"),
        ([1, 2, 3, 4, 4, 1, 4], "have: World 2, Sports 1, Business 1, Sci/Tech 3"),
        ([2, 2, 1, 1, 3, 3], "have: World 2, Sports 2, Business 2, Sci/Tech 0"),
    ],
)
def test_a_selection_of_ag_news_says_how_unequal_its_classes_are(
    train: list[int], end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOTTERY_DOWNLOADS", str(tmp_path / "downloads"))
    monkeypatch.setenv("LOTTERY_MIRROR", str(tmp_path))
    archive = tmp_path / ag_news.FILE
    write_ag_news(archive, train)
    (tmp_path / "SHA256SUMS").write_text(
        f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n"
    )
    note = ag_news.read(builtin("ag_news")).notes["selection"]
    assert note.startswith(f"used {len(train)} of the official 120,000 training rows")
    assert note.endswith(end)


def test_ag_news_members_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came from the official address must be the official rows."""
    monkeypatch.delenv("LOTTERY_MIRROR", raising=False)
    monkeypatch.setenv("LOTTERY_DOWNLOADS", str(tmp_path))
    write_ag_news(tmp_path / ag_news.FILE, [1])
    with pytest.raises(LotteryError, match=r"ag_news_csv/train\.csv: MD5 is .* expected b1a00f8"):
        corpora.read("ag_news", builtin("ag_news"))


def test_a_split_column(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("t,l,s\na one,y,test\na one,x,train\na two,y,train\na three,x,test\n")
    table, report = corpora.read("own", Corpus(source=str(path), text="t", label="l", split="s"))
    assert rows(report) == {"train": 2, "test": 2}
    assert table.frame.text.tolist() == ["a one", "a one", "a two", "a three"]


GOOD = "t,l\na,x\nb,y\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"t,l\na,x\nb,\n", "row 2: '' in column 'l' is not a valid label"),
        (b"text,l\na,x\n", "no column 't'; its columns are text, l"),
        (b"t,l\na,x\n\xff\xfe,y\n", "line 3: not UTF-8"),
        (b"t,l\na,x\n  ,y\n", "row 2: no text in column 't'"),
        (b"t,l\na,x\nb,x\n", "all documents have the same label"),
        (b"t,l\n", "no rows"),
        (b"l,t\n0,one, lost\n1,two, lost\n", "row 1: more fields than the header has"),
        (b"t,l\na,x\nb,y,z\n", "cannot be parsed"),
        (b"", "cannot be parsed"),
        (b't,l\na,x\n"b,y\n', "cannot be parsed"),
        (b"t,l\na,x\nb,y\n", "class 'x' has only 1 document here (and 1 more"),
        (b"t,l\n" + b"".join(b"d%d,l%d\n" % (n, n) for n in range(200)), "label column right?"),
        (b"t,l\n" + b"".join(b"d%d,l%d\n" % (n, n) for n in range(10001)), "10,001 different lab"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(content)
    with pytest.raises(LotteryError) as error:
        corpora.read("own", Corpus(source=str(path), text="t", label="l", test_fraction=0.5))
    assert message in str(error.value)
    assert "own" in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "own.jsonl",
            '{"t": "a", "l": 1}\n{"t": "b", "l": 1.5}\n',
            "row 2: 1.5 .* is not a valid label",
        ),
        (
            "own.jsonl",
            '{"t": "a", "l": 1}\n{"t": "b", "l": null}\n',
            "row 2: None .* is not a valid label",
        ),
        ("own.jsonl", '{"t": "a", "l": 1}\n[1]\n', "line 2 is not a JSON object"),
        ("own.jsonl", "{not json}\n", "cannot be parsed"),
        ("own.parquet", "no parquet", "not a Parquet file"),
        ("own.txt", GOOD, "the name must end in one of"),
    ],
)
def test_bad_files_of_other_kinds(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(LotteryError, match=message):
        corpora.read("own", Corpus(source=str(path), text="t", label="l", test_fraction=0.5))


def test_settings_that_a_corpus_does_not_have() -> None:
    with pytest.raises(LotteryError, match=r"corpora\.imdb\.split: 'x' is not one of"):
        corpora.read("imdb", builtin("imdb", split="x"))
    with pytest.raises(LotteryError, match=r"corpora\.r\.split: 'x' is not one of its splits \(it"):
        corpora.read("r", builtin("reuters_r8", split="x"))
    with pytest.raises(LotteryError, match="is not in src/lottery/corpora"):
        corpora.read("r", Corpus(source="elsewhere/reuters_r8.py"))
    with pytest.raises(LotteryError, match="did you mean 'reuters_r8'"):
        corpora.read("r", builtin("reuters_r9"))


def test_the_five_lines_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the README says about a corpus of one's own is what params.yaml takes."""
    readme = (ROOT / "README.md").read_text()
    block = readme.split("<!-- own corpus -->")[1].split("```yaml\n")[1].split("```")[0]
    text = (ROOT / "params.yaml").read_text()
    text = text.replace(
        "models:\n", block.split("train:")[0].removeprefix("corpora:\n") + "models:\n", 1
    )
    text = text.replace("train:\n", "train:" + block.split("train:")[1], 1)
    path = tmp_path / "params.yaml"
    path.write_text(text)
    settings = params.load(path)
    corpus = settings.corpora["my_reviews"]
    assert corpus.is_file
    monkeypatch.chdir(tmp_path)
    rows = [
        f"{word} film {n},{stars}" for n in range(9) for word, stars in (("good", 5), ("bad", 1))
    ]
    Path(corpus.source).write_text("\n".join([f"{corpus.text},{corpus.label}", *rows]))
    documents, _ = corpora.read("my_reviews", corpus)
    assert documents.classes == ["1", "5"]
