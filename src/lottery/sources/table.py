"""A user's own file: CSV, TSV, JSONL or Parquet with a text and a label column."""

import csv
import io
import json
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lottery import canonical, files
from lottery.errors import LotteryError
from lottery.strict import shown

SPLITS = ("train", "test")
Reader = Callable[[str, list[str]], pd.DataFrame]
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")


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
    raw = _parsed(path, [text, label] + ([split] if split else []))
    raw.index = pd.RangeIndex(1, len(raw) + 1)
    for column in [text, label] + ([split] if split else []):
        if column not in raw.columns:
            there = ", ".join(str(name)[:60] for name in raw.columns[:12])
            raise LotteryError(f"{path}: no column '{column}'; there are: {there}")
    if raw.empty:
        raise LotteryError(f"{path}: no rows")
    _check_texts(path, raw[text])
    labels = pd.Series(
        [_label(path, row, label, value) for row, value in raw[label].items()], raw.index
    )
    classes = sorted(labels.unique(), key=_natural)
    _check_numbers(path, label, classes)
    if split:
        for row, value in raw[split].items():
            if value not in SPLITS:
                raise LotteryError(
                    f"{path}: row {row}: {shown(value)} in column '{split}' is not train or test"
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


def _check_texts(path: Path, texts: pd.Series) -> None:
    flaws = [(row, flaw) for row, value in texts.items() if (flaw := canonical.flaw(value))]
    if flaws:
        row, flaw = flaws[0]
        others = f" (and {len(flaws) - 1:,} more)" if len(flaws) > 1 else ""
        raise LotteryError(
            f"{path}: row {row}: {flaw} in column '{texts.name}'{others}; "
            "mend the file or take the row out"
        )


def _check_numbers(path: Path, column: str, classes: list[str]) -> None:
    """Two classes must not be one number, written as 1 and as 1.0, say."""
    seen: dict[Decimal, str] = {}
    for name in classes:
        if _NUMBER.fullmatch(name) and (other := seen.setdefault(Decimal(name), name)) != name:
            raise LotteryError(
                f"{path}: labels '{other}' and '{name}' in column '{column}' are one number; "
                "write it one way"
            )


def _parsed(path: Path, wanted: list[str]) -> pd.DataFrame:
    content = path.read_bytes()
    if path.suffix == ".parquet":
        try:
            found = pq.read_table(io.BytesIO(content))
            found.validate(full=True)  # text that is no UTF-8 is found here
            return found.to_pandas()
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise LotteryError(f"{path}: not a Parquet file: {reason}") from None
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
            return READERS[path.suffix](decoded, wanted)
    except pd.errors.ParserWarning:
        raise LotteryError(
            f"{path}: row 1: more fields than the header has; quote the text that holds a separator"
        ) from None
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise LotteryError(f"{path}: cannot be parsed: {' '.join(str(error).split())}") from None


def _separated(separator: str, quoting: int) -> Reader:
    return lambda content, wanted: pd.read_csv(
        io.StringIO(content),
        sep=separator,
        quoting=quoting,
        dtype=str,
        keep_default_na=False,
        index_col=False,
    )


def _json_lines(content: str, wanted: list[str]) -> pd.DataFrame:
    """One object a line; values as they stand, so that an error can name the row's own.

    Columns are the first row's and those ``wanted``: other keys of later rows would each be a
    column of all rows.
    """
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number} is no JSON: {error}") from None
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is no JSON object")
        kept = dict.fromkeys([*(rows[0] if rows else row), *wanted])
        rows.append({name: row[name] for name in kept if name in row})
    return pd.DataFrame(rows, dtype=object)


READERS: dict[str, Reader] = {
    ".csv": _separated(",", csv.QUOTE_MINIMAL),
    ".tsv": _separated("\t", csv.QUOTE_NONE),  # in a TSV a quotation mark is text
    ".jsonl": _json_lines,
}
ENDINGS = (*READERS, ".parquet")


def _label(path: Path, row: object, column: str, value: object) -> str:
    """A label as a word. A float is refused: a class is a name or a whole number. In a CSV and a
    TSV all are words."""
    name = str(value).strip() if isinstance(value, str | int | np.integer | np.bool_) else ""
    if not name or name.lower() == "nan" or len(name) > 100 or not canonical.encodable(name):
        raise LotteryError(
            f"{path}: row {row}: {shown(value)} in column '{column}' is no label "
            "(a word or a whole number)"
        )
    return name


def _natural(name: str) -> tuple[bool, int, str]:
    """Whole numbers by value, before words by letter."""
    number = re.fullmatch(r"-?[0-9]{1,18}", name) is not None
    return (not number, int(name) if number else 0, name)
