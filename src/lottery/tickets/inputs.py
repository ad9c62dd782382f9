"""The texts that the command line is given, in batches, as they arrive."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lottery.errors import LotteryError, brief

CHUNK = 1 << 20
MAX_LINE = 40_000_000
"""Bytes: a document of ten million characters, the most that the pipeline accepts."""
ROWS = 256
"""Rows of a CSV file in a batch."""
_JSON_LINES = (".jsonl", ".ndjson", ".json")
Batch = list[str]


def lines(stream: BinaryIO, name: str) -> Iterator[Batch]:
    """The lines of ``stream``, each a text; a batch is what has arrived so far.

    Raises LotteryError with the number of a line that is not UTF-8, or longer than
    :data:`MAX_LINE`, after the batch of the lines before it.
    """
    rest, number = b"", 0
    while chunk := stream.read1(CHUNK):  # type: ignore[attr-defined]
        *complete, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE:
            where = number + len(complete) + 1
            raise LotteryError(f"{name}: line {where}: longer than {MAX_LINE:,} bytes")
        yield from _decoded(complete, name, number)
        number += len(complete)
    if rest:
        yield from _decoded([rest], name, number)


def _decoded(raw: list[bytes], name: str, before: int) -> Iterator[Batch]:
    """The texts of ``raw`` lines, of which ``before`` came earlier."""
    texts: Batch = []
    for number, line in enumerate(raw, start=before + 1):
        content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        try:
            texts.append(content.removesuffix(b"\r").decode("utf-8"))
        except UnicodeDecodeError as error:
            if texts:
                yield texts
            byte = content[error.start]
            raise LotteryError(
                f"{name}: line {number}: byte {error.start + 1} (0x{byte:02x}) is not UTF-8"
            ) from None
    if texts:
        yield texts


def column(stream: BinaryIO, name: str, key: str) -> Iterator[Batch]:
    """The texts in the column ``key`` of CSV, TSV or JSONL, by the ending of ``name``; a stream
    without an ending is JSONL if it begins with a brace.

    Raises LotteryError with the line, as :func:`lines` does.
    """
    batches = lines(stream, name)
    first = next(batches, [])
    ending = Path(name).suffix.lower()
    looks_like_json = not ending and "".join(first[:1]).lstrip().startswith("{")
    if ending in _JSON_LINES or looks_like_json:
        yield from _json_column(_chain(first, batches), name, key)
    else:
        delimiter = "\t" if ending == ".tsv" else ","
        yield from _csv_column(_chain(first, batches), name, key, delimiter)


def _chain(first: Batch, others: Iterator[Batch]) -> Iterator[Batch]:
    yield first
    yield from others


def _json_column(batches: Iterator[Batch], name: str, key: str) -> Iterator[Batch]:
    number = 0
    for batch in batches:
        texts: Batch = []
        for line in batch:
            number += 1
            try:
                texts.append(_json_text(line, key))
            except ValueError as error:
                yield texts
                raise LotteryError(f"{name}: line {number}: {error}") from None
        yield texts


def _json_text(line: str, key: str) -> str:
    try:
        row = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        raise ValueError("not JSON") from None
    if type(row) is not dict or type(row.get(key)) is not str:
        raise ValueError(f"no text under {brief(key)}")
    return str(row[key])


def _csv_column(batches: Iterator[Batch], name: str, key: str, delimiter: str) -> Iterator[Batch]:
    csv.field_size_limit(MAX_LINE)
    # With its line end, since a quoted field may go on in the next line.
    reader = csv.reader((f"{line}\n" for batch in batches for line in batch), delimiter=delimiter)
    texts: Batch = []
    try:
        header = next(reader, [])
        if key not in header:
            raise LotteryError(f"{name}: no column {brief(key)}; choose from {brief(header)}")
        index = header.index(key)
        for row in filter(None, reader):
            if len(row) <= index:
                raise LotteryError(f"{name}: line {reader.line_num}: {len(row)} fields only")
            texts.append(row[index])
            if len(texts) == ROWS:
                yield texts
                texts = []
    except csv.Error as error:
        yield texts
        raise LotteryError(f"{name}: line {reader.line_num}: {error}") from None
    except LotteryError:
        yield texts
        raise
    yield texts
