r"""AG News: titles and descriptions of news in four classes (Zhang, Zhao and LeCun 2015, 4).

The published files have been through HTML more than once and lost the ``&`` of many entities:
`` #39;`` for an apostrophe, `` quot;`` for a quotation mark, ``&lt;b&gt;`` for a tag, ``\`` for a
line break. :data:`REPAIRS` mends that, one named step after the other.
"""

import csv
import hashlib
import html
import io
import re
from collections.abc import Iterable, Iterator

import pandas as pd

from lottery.corpora import Documents
from lottery.errors import LotteryError
from lottery.sections import Corpus
from lottery.sources import Fetched, archives, fetch

FILE = "ag_news_csv.tgz"
ADDRESS = "https://s3.amazonaws.com/fast-ai-nlp/"
MD5 = {
    "train": "b1a00f826fdfbd249f79597b59e1dc12",
    "test": "d52ea96a97a2d943681189a97654912d",
}
"""Of the members of the official archive."""
TRAIN_ROWS = 120_000
CLASSES = ["World", "Sports", "Business", "Sci/Tech"]

# A lost "&" has become a space; where the text before it was empty there is none.
_LOST = r"(?: |(?<![&;\w]))"
_NUMBERED = re.compile(_LOST + r"#(\d{2,5}|x[0-9A-Fa-f]{2,5});")
_LETTERS = r"[A-Za-z](?:acute|grave|circ|uml|tilde|cedil|ring)"
_PUNCTUATION = "quot|amp|lt|gt|nbsp|apos|hellip|mdash|ndash|lsquo|rsquo|ldquo|rdquo|bull"
_NAMED = re.compile(f"{_LOST}((?:amp;)*)({_PUNCTUATION}|{_LETTERS});")
_GLUED = re.compile(r"(?<=\w) quot;(?=\w)")
# By name: "<MSFT.O>" is a share, not a tag. One cut off by the end of the text is a tag too.
_TAG = re.compile(
    r"</?(?:a|b|i|u|p|em|br|strong|font|cite|nobr|img|span|div|table|tr|td|ul|li|h\d)"
    r"(?:\s[^<>]*)?/?(?:>|$)",
    re.IGNORECASE,
)


def numbered_entities(text: str) -> str:
    """`` #39;`` back to ``'``; numbers from 128 to 159 as Windows-1252, as browsers do."""
    return _NUMBERED.sub(lambda found: html.unescape(f"&#{found[1]};"), text)


def named_entities(text: str) -> str:
    """`` quot;`` back to ``"``, ``AT amp;T`` to ``AT&T``, however often it was escaped.

    Between two words a quotation mark keeps its space: it opens, and the space was there.
    """
    text = _GLUED.sub(' "', text)
    return _NAMED.sub(lambda found: html.unescape(f"&{found[2]};"), text)


def whole_entities(text: str) -> str:
    """``&lt;b&gt;`` to ``<b>``: the entities that have kept their ``&``."""
    return html.unescape(text)


def tags(text: str) -> str:
    """HTML tags to a space."""
    return _TAG.sub(" ", text)


def line_breaks(text: str) -> str:
    r"""A ``\`` to a space: it stood for a line break, or before a dollar sign for nothing."""
    return text.replace("\\", " ")


def spaces(text: str) -> str:
    """Runs of white space, the non-breaking one too, to one space."""
    return " ".join(text.split())


REPAIRS = (numbered_entities, named_entities, whole_entities, tags, line_breaks, spaces)


def read(settings: Corpus) -> Documents:
    """Title and description, joined by a space, of the files' own training and test rows."""
    archive = fetch.official(FILE, ADDRESS, None)
    members = {f"ag_news_csv/{part}.csv": part for part in MD5}
    frames = {}
    rows: dict[str, int] = {}
    for name, content in archives.read_tar(archive.path, members.__contains__):
        part = members[name]
        _check_member(archive, name, content, MD5[part])
        frames[part] = _frame(f"{archive.path}: {name}", content, part)
        rows[part] = len(frames[part])
    if frames.keys() != MD5.keys():
        raise LotteryError(f"{archive.path}: expected {' and '.join(members)} in it")
    notes: dict[str, object] = {"rows_in_files": rows}
    if rows["train"] != TRAIN_ROWS:
        notes["selection"] = f"used {rows['train']:,} of the official {TRAIN_ROWS:,} training rows"
    frame = pd.concat([frames["train"], frames["test"]])
    return Documents(frame, CLASSES, [archive.record()], notes=notes)


def repair(text: str) -> str:
    """All of :data:`REPAIRS`, in order."""
    for step in REPAIRS:
        text = step(text)
    return text


def _check_member(archive: Fetched, name: str, content: bytes, md5: str) -> None:
    """A mirror vouches for its own files (they may be a selection); the address does not."""
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if archive.origin != "mirror" and found != md5:
        raise LotteryError(
            f"{archive.path}: {name}: MD5 is {found}, expected {md5}; delete it and run again"
        )


def _frame(where: str, content: bytes, part: str) -> pd.DataFrame:
    try:
        lines = io.StringIO(content.decode("utf-8"), newline="")
    except UnicodeDecodeError as error:
        raise LotteryError(f"{where}: not UTF-8 at byte {error.start}") from None
    rows = []
    for number, row in enumerate(_rows(where, lines), start=1):
        if len(row) != 3 or row[0] not in ("1", "2", "3", "4"):
            raise LotteryError(f"{where}: row {number}: expected label 1 to 4, title, description")
        label, title, description = row
        rows.append((f"{part} {number}", repair(f"{title} {description}"), int(label) - 1, part))
    return pd.DataFrame(rows, columns=["row", "text", "label", "split"]).set_index("row")


def _rows(where: str, lines: Iterable[str]) -> Iterator[list[str]]:
    reader = csv.reader(lines)
    try:
        yield from reader
    except csv.Error as error:
        raise LotteryError(f"{where}: line {reader.line_num}: {error}") from None
