"""The names of the columns of a user's file, from its beginning only."""

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lottery.data.sources import packing, tabular, tsv
from lottery.errors import LotteryError

SIZE = 1 << 20
"""Bytes that are read, unpacked."""


def names(path: Path, columns: list[str]) -> list[str]:
    """The names of the columns of the file ``path``, of which ``columns`` are needed.

    Raises LotteryError for a file that is missing, is not what its ending says, or is not UTF-8 up
    to the end of its header.
    """
    kind = packing.ending(path, tabular.ENDINGS, tuple(tabular.READERS))
    try:
        if kind == ".parquet":
            packing.check(path, kind)
            return list(pq.read_schema(path).names)
        text = _beginning(path, packing.head(path, kind, SIZE))
        names = (
            _json_names(text, columns) if kind == ".jsonl" else _field_names(text, kind, columns)
        )
    except (pa.ArrowException, KeyError) as error:
        raise LotteryError(f"{path}: not a Parquet file: {_reason(error)}") from None
    except (csv.Error, ValueError, RecursionError) as error:
        raise LotteryError(f"{path}: cannot be parsed: {_reason(error)}") from None
    except OSError as error:
        raise LotteryError(f"{path}: cannot be read: {error.strerror}") from None
    return names


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _beginning(path: Path, content: bytes) -> str:
    """The text in ``content``, up to its last line break if there may be more of it in the file."""
    if len(content) == SIZE and b"\n" in content:
        content = content[: content.rindex(b"\n") + 1]
    header = content.partition(b"\n")[0]
    try:
        header.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise LotteryError(
            f"{path}: line 1: not UTF-8; save the file as UTF-8 and run again"
        ) from None
    return content.decode("utf-8-sig", errors="replace")


def _field_names(text: str, kind: str, columns: list[str]) -> list[str]:
    """The fields of the first line that is not empty, as :mod:`lottery.data.sources.tabular` reads
    them."""
    separator, quoting = ",", True
    if kind == ".tsv":
        text = text.lstrip("\r\n").splitlines()[0] if text.strip("\r\n") else ""
        doubled = tsv.unescaped(text, columns)
        separator, quoting, text = "\t", doubled is not None, doubled or text
    lines = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
    )
    fields = next((fields for fields in lines if fields), None)
    if fields is None:
        raise ValueError("No columns to parse from file")
    return fields


def _json_names(text: str, columns: list[str]) -> list[str]:
    """The keys of the first object; ``columns`` if it is longer than what was read."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        if len(text.encode()) >= SIZE and "\n" not in text:
            return columns
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"line {number} is not valid JSON: {error}") from None
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is not a JSON object")
        return list(row)
    return []
