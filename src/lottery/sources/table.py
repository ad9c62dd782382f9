"""A user's own file: CSV, TSV, JSONL or Parquet with a text and a label column."""

import csv
import io
import json
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lottery import files
from lottery.errors import LotteryError

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Own:
    """The rows of a user's file; the index is the row as a person counts it, from 1."""

    frame: pd.DataFrame
    classes: list[str]
    record: dict[str, str]


def read(path: Path, text: str, label: str, split: str | None) -> Own:
    """Read ``text``, ``label`` and, if named, ``split`` (``train`` or ``test``) of each row.

    Labels are taken as words and numbered in order (as numbers where all of them are whole).
    Raises LotteryError that names the file and the row or column.
    """
    if path.suffix not in ENDINGS:
        raise LotteryError(f"{path}: ends in none of {', '.join(ENDINGS)}")
    if not path.is_file():
        raise LotteryError(f"{path}: not found; give its path from the root of the repository")
    raw = _parsed(path)
    raw.index = pd.RangeIndex(1, len(raw) + 1)
    for column in [text, label] + ([split] if split else []):
        if column not in raw.columns:
            there = ", ".join(map(str, raw.columns[:12]))
            raise LotteryError(f"{path}: no column '{column}'; there are: {there}")
    if raw.empty:
        raise LotteryError(f"{path}: no rows")
    for row, value in raw[text].items():
        if not isinstance(value, str) or not value.strip():
            raise LotteryError(f"{path}: row {row}: no text in column '{text}'")
    labels = pd.Series(
        [_label(path, row, label, value) for row, value in raw[label].items()], raw.index
    )
    classes = sorted(labels.unique(), key=_natural)
    if split:
        for row, value in raw[split].items():
            if value not in SPLITS:
                raise LotteryError(
                    f"{path}: row {row}: '{value}' in column '{split}' is not train or test"
                )
    frame = pd.DataFrame(
        {
            "text": raw[text],
            "label": labels.map({name: number for number, name in enumerate(classes)}),
            "split": raw[split] if split else "train",
        }
    )
    record = {"file": path.name, "origin": "own file", "sha256": files.digest(path)}
    return Own(frame, classes, record)


def _parsed(path: Path) -> pd.DataFrame:
    content = path.read_bytes()
    if path.suffix == ".parquet":
        try:
            return pd.read_parquet(io.BytesIO(content))
        except (ValueError, OSError, TypeError) as error:
            raise LotteryError(f"{path}: not a Parquet file: {str(error)[:200]}") from None
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise LotteryError(
            f"{path}: line {line}: not UTF-8; save the file as UTF-8 and run again"
        ) from None
    try:
        with warnings.catch_warnings():
            # A row with more fields than the header has is a warning to pandas: text would be lost.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return READERS[path.suffix](decoded)
    except pd.errors.ParserWarning:
        raise LotteryError(
            f"{path}: row 1: more fields than the header has; quote the text that holds a separator"
        ) from None
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise LotteryError(f"{path}: cannot be parsed: {' '.join(str(error).split())}") from None


def _separated(separator: str, quoting: int) -> Callable[[str], pd.DataFrame]:
    return lambda content: pd.read_csv(
        io.StringIO(content),
        sep=separator,
        quoting=quoting,
        dtype=str,
        keep_default_na=False,
        index_col=False,
    )


def _json_lines(content: str) -> pd.DataFrame:
    """One object a line; values as they stand, so that an error can name the row's own."""
    rows = []
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is no JSON object")
        rows.append(row)
    return pd.DataFrame(rows, dtype=object)


READERS: dict[str, Callable[[str], pd.DataFrame]] = {
    ".csv": _separated(",", csv.QUOTE_MINIMAL),
    ".tsv": _separated("\t", csv.QUOTE_NONE),  # in a TSV a quotation mark is text
    ".jsonl": _json_lines,
}
ENDINGS = (*READERS, ".parquet")


def _label(path: Path, row: object, column: str, value: object) -> str:
    """A label as a word. A float is refused: a class is a name or a whole number."""
    name = str(value).strip() if isinstance(value, str | int | np.integer) else ""
    if not name or name.lower() == "nan" or len(name) > 100:
        raise LotteryError(
            f"{path}: row {row}: {value!r} in column '{column}' is no label (a word or a number)"
        )
    return name


def _natural(name: str) -> tuple[bool, int, str]:
    """Whole numbers by value, before words by letter."""
    number = re.fullmatch(r"-?[0-9]{1,18}", name) is not None
    return (not number, int(name) if number else 0, name)
