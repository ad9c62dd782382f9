"""Tables from CSV, TSV, JSONL and Parquet files, with the line of whatever cannot be read."""

import csv
import io
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lottery.data.sources import nearby, packing, tsv
from lottery.errors import LotteryError

Reader = Callable[[str, list[str]], pd.DataFrame]
"""From the text of a file, and the columns that are needed, to its rows."""


def read(path: Path, columns: list[str]) -> pd.DataFrame:
    """All rows of the file ``path``, of which ``columns`` are needed.

    A name that ends in ``.csv.gz``, say, is that of a packed file. Values of a CSV and a TSV are
    strings. Raises LotteryError for a file that is missing, or is not
    what its ending says.
    """
    if not path.is_file():
        hint = nearby.suggestion(path, FILE_ENDINGS, Path())
        raise LotteryError(
            f"{path}: not found{hint or '; give its path from the root of the repository'}"
        )
    kind = packing.ending(path, ENDINGS, tuple(READERS))
    content = packing.content(path, kind)
    if kind == ".parquet":
        return _parse_parquet(path, content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise LotteryError(
            f"{path}: line {line}: not UTF-8; save the file as UTF-8 and run again"
        ) from None
    try:
        with warnings.catch_warnings():
            # pandas only warns of a row with more fields than the header, and drops the text.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return READERS[kind](text, columns)
    except pd.errors.ParserWarning:
        raise LotteryError(
            f"{path}: row 1: more fields than the header has; {_ADVICE[kind]}, or if R wrote the "
            "file, use row.names = FALSE"
        ) from None
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = " ".join(str(error).split())
        if re.search("Expected .* fields", reason):
            reason += f"; {_ADVICE[kind]}"
        raise LotteryError(f"{path}: cannot be parsed: {reason}") from None


def _parse_parquet(path: Path, content: bytes) -> pd.DataFrame:
    """The table in ``content``; ``path`` begins the error if there is none."""
    try:
        table = pq.read_table(io.BytesIO(content))
        table.validate(full=True)  # finds text that is not UTF-8
        # A column that pandas kept as its index is a column; and whole numbers beside a missing one
        # do not become floats.
        return table.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise LotteryError(f"{path}: not a Parquet file: {reason}") from None


def _fields(text: str, separator: str, quoting: int) -> pd.DataFrame:
    """The fields between separators, all of them strings."""
    return pd.read_csv(
        io.StringIO(text),
        sep=separator,
        quoting=quoting,
        dtype=str,
        keep_default_na=False,
        index_col=False,
    )


def _csv(text: str, columns: list[str]) -> pd.DataFrame:
    """The rows of a CSV."""
    return _fields(text, ",", csv.QUOTE_MINIMAL)


def _tsv(text: str, columns: list[str]) -> pd.DataFrame:
    """The rows of a TSV; quotation marks are text in it, unless it is one with quoted fields."""
    quoted = tsv.unescaped(text, columns)
    if quoted is not None:
        return _fields(quoted, "\t", csv.QUOTE_MINIMAL)
    return _fields(text, "\t", csv.QUOTE_NONE)


def _json_lines(text: str, columns: list[str]) -> pd.DataFrame:
    """One row per line, which must be a JSON object. Values stay as they are, for the errors.

    The columns are the first row's keys and ``columns``. Other keys are ignored: if each row had a
    different one, the table would have as many columns as rows.
    """
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number} is not valid JSON: {error}") from None
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is not a JSON object")
        names = dict.fromkeys([*(rows[0] if rows else row), *columns])
        rows.append({name: row[name] for name in names if name in row})
    return pd.DataFrame(rows, dtype=object)


READERS: dict[str, Reader] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _json_lines,
}
_ADVICE = {
    ".csv": "put a text that contains a comma in double quotes",
    ".tsv": "write a space for each tab inside a text, or save the file as CSV",
}
"""What to do about a separator inside a text."""
ENDINGS = (*READERS, ".parquet")
FILE_ENDINGS = (*ENDINGS, *(ending + packing.GZIP for ending in READERS))
"""Of names of files that can be read, in lower case."""
