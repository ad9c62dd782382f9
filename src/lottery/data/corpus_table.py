"""The corpus table: a corpus's documents as a Parquet file.

Columns ``text: string``, ``label: int16``, ``split: string``; all documents that were read, in
their order. ``split`` is ``train`` or ``test``. Where a corpus has no split it is null in all rows,
and the stage tokenize draws one, after it has looked for duplicates. The file's metadata has the
names of the classes, and the share to draw for testing.
"""

import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lottery.errors import LotteryError
from lottery.storage.files import replacing

SCHEMA = pa.schema([("text", pa.string()), ("label", pa.int16()), ("split", pa.string())])
MAX_CHARACTERS = 10_000_000
"""Of a document: ten times a long novel. A longer one probably has an unclosed quotation mark, and
its words would take gigabytes."""


@dataclass(frozen=True)
class CorpusTable:
    """A corpus's documents."""

    frame: pd.DataFrame
    """Columns text, label (int from 0) and split; see the module."""
    classes: list[str]
    """The names of the labels."""
    test_fraction: float | None = None
    """The share to draw for testing, where the documents have no split."""


def flaw(text: object) -> str | None:
    """Why ``text`` cannot be in the table; None if it can.

    Any string with a visible character is accepted as it is, control characters included.
    """
    if not isinstance(text, str) or not text.strip():
        return "no text"
    if len(text) > MAX_CHARACTERS:
        return f"{len(text):,} characters, at most {MAX_CHARACTERS:,}"
    if not encodable(text):
        return "half of a surrogate pair, which is not a character"
    return None


def canonical(text: str) -> str:
    """``text`` in Unicode's form NFC, so that what looks the same is the same."""
    return unicodedata.normalize("NFC", text)


def encodable(text: str) -> bool:
    """Whether ``text`` has a form in UTF-8. A lone surrogate, which JSON can escape, has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def write(table: CorpusTable, path: Path) -> None:
    """Write ``table``."""
    frame, fraction = table.frame, table.test_fraction
    metadata = {
        "classes": json.dumps(table.classes, ensure_ascii=False),
        "test_fraction": json.dumps(fraction),
    }
    schema = SCHEMA.with_metadata(metadata)
    columns = [frame.text.tolist(), frame.label.tolist(), frame.split.tolist()]
    arrays = [pa.array(values, dtype) for values, dtype in zip(columns, schema.types, strict=True)]
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), temporary, compression="zstd")


def load(path: Path) -> CorpusTable:
    """The table in ``path``.

    Raises LotteryError for a missing or damaged file.
    """
    try:
        table = pq.read_table(path)
        if not table.schema.equals(SCHEMA):
            raise ValueError(f"columns {table.schema.names}")
        table.validate(full=True)  # finds text that is not UTF-8
        metadata = table.schema.metadata
        classes, fraction = (json.loads(metadata[key]) for key in (b"classes", b"test_fraction"))
        return CorpusTable(table.to_pandas(), classes, fraction)
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run the download stage first") from None
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise LotteryError(
            f"{path}: damaged ({reason}); run 'dvc repro' to regenerate it"
        ) from None
