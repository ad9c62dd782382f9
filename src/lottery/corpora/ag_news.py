r"""AG News: titles and descriptions of news in four classes (Zhang, Zhao and LeCun 2015, 4).

The published files have been through HTML more than once and lost the ``&`` of many entities:
`` #39;`` for an apostrophe, `` quot;`` for a quotation mark, ``&lt;b&gt;`` for a tag, ``\`` for a
line break. :data:`REPAIRS` undoes that, one named step after the other.

The official rows have the same number per class. A mirror's selection of the training rows need
not, while its test rows stay balanced; ``docs/data.md`` counts that, and the duplicates, some of
which have two labels.
"""

import csv
import hashlib
import html
import io
import re
from collections.abc import Iterable, Iterator

import pandas as pd

from lottery.config.text_schema import Corpus
from lottery.corpora import Documents
from lottery.data.sources import Fetched, archives, fetch
from lottery.errors import LotteryError

CLASS_COUNT = 4

FILE = "ag_news_csv.tgz"
ADDRESS = "https://s3.amazonaws.com/fast-ai-nlp/"
MD5 = {
    "train": "b1a00f826fdfbd249f79597b59e1dc12",
    "test": "d52ea96a97a2d943681189a97654912d",
}
"""Of the members of the official archive, by split."""
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
    return _NUMBERED.sub(lambda match: html.unescape(f"&#{match[1]};"), text)


def named_entities(text: str) -> str:
    """`` quot;`` back to ``"``, ``AT amp;T`` to ``AT&T``, however often it was escaped.

    Between two words it is an opening quotation mark, and the space before it stays.
    """
    text = _GLUED.sub(' "', text)
    return _NAMED.sub(lambda match: html.unescape(f"&{match[2]};"), text)


def whole_entities(text: str) -> str:
    """``&lt;b&gt;`` to ``<b>``: the entities that did not lose their ``&``."""
    return html.unescape(text)


def tags(text: str) -> str:
    """Each HTML tag to a space."""
    return _TAG.sub(" ", text)


def line_breaks(text: str) -> str:
    r"""A ``\`` to a space: it meant a line break, or nothing before a dollar sign."""
    return text.replace("\\", " ")


def spaces(text: str) -> str:
    """Runs of white space, the non-breaking one too, to one space."""
    return " ".join(text.split())


REPAIRS = (numbered_entities, named_entities, whole_entities, tags, line_breaks, spaces)


def read(settings: Corpus) -> Documents:
    """Title and description, joined by a space, split as the archive is.

    A mirror may have a selection of the official rows; the report then says how many.
    """
    archive = fetch.official(FILE, ADDRESS, None)
    members = {f"ag_news_csv/{split}.csv": split for split in MD5}
    frames = {}
    rows: dict[str, int] = {}
    for name, content in archives.read_tar(archive.path, members.__contains__):
        split = members[name]
        _check_member(archive, name, content, MD5[split])
        frames[split] = _frame(f"{archive.path}: {name}", content, split)
        rows[split] = len(frames[split])
    if frames.keys() != MD5.keys():
        raise LotteryError(f"{archive.path}: expected it to contain {' and '.join(members)}")
    notes: dict[str, object] = {"rows_in_files": rows}
    if rows["train"] != TRAIN_ROWS:
        notes["selection"] = _selection(frames["train"])
    frame = pd.concat([frames["train"], frames["test"]])
    return Documents(frame, CLASSES, [archive.record()], notes=notes)


def repair(text: str) -> str:
    """All of :data:`REPAIRS`, in order."""
    for step in REPAIRS:
        text = step(text)
    return text


def _selection(frame: pd.DataFrame) -> str:
    """What is said of training rows that are not all of the official ones."""
    used = f"used {len(frame):,} of the official {TRAIN_ROWS:,} training rows"
    counts = [int((frame.label == label).sum()) for label in range(CLASS_COUNT)]
    if len(set(counts)) == 1:
        return used
    classes = ", ".join(f"{name} {count:,}" for name, count in zip(CLASSES, counts, strict=True))
    return f"{used}, in other shares of the classes than the test rows have: {classes}"


def _check_member(archive: Fetched, name: str, content: bytes, md5: str) -> None:
    """Raise LotteryError unless the member is the official one.

    A mirror's archive may have a selection of the rows; it was checked against the mirror's list.
    """
    actual = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if archive.origin != "mirror" and actual != md5:
        raise LotteryError(
            f"{archive.path}: {name}: MD5 is {actual}, expected {md5}; delete it and run again"
        )


def _frame(where: str, content: bytes, split: str) -> pd.DataFrame:
    """The documents of one CSV; ``where`` begins each error."""
    try:
        lines = io.StringIO(content.decode("utf-8"), newline="")
    except UnicodeDecodeError as error:
        raise LotteryError(f"{where}: not UTF-8 at byte {error.start}") from None
    rows = []
    for number, row in enumerate(_rows(where, lines), start=1):
        if len(row) != 3 or row[0] not in ("1", "2", "3", "4"):
            raise LotteryError(
                f"{where}: row {number}: expected a label from 1 to 4, title, description"
            )
        label, title, description = row
        text = repair(f"{title} {description}")
        rows.append((f"{split} {number}", text, int(label) - 1, split))
    return pd.DataFrame(rows, columns=["row", "text", "label", "split"]).set_index("row")


def _rows(where: str, lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the fields of each row. Raises LotteryError for what is not CSV."""
    reader = csv.reader(lines)
    try:
        yield from reader
    except csv.Error as error:
        raise LotteryError(f"{where}: line {reader.line_num}: {error}") from None
