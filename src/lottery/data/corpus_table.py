"""The corpus table: a corpus's documents as a Parquet file.

Columns ``text: string``, ``label: int16``, ``split: string`` (``train`` or ``test``). The names of
the classes are in the file's metadata.
"""

import json
import unicodedata
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


def write(frame: pd.DataFrame, classes: list[str], path: Path) -> None:
    """Write the columns text, label and split of ``frame``, and the names of the classes."""
    schema = SCHEMA.with_metadata({"classes": json.dumps(classes, ensure_ascii=False)})
    columns = [frame.text.tolist(), frame.label.tolist(), frame.split.tolist()]
    arrays = [pa.array(values, dtype) for values, dtype in zip(columns, schema.types, strict=True)]
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), temporary, compression="zstd")


def load(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The documents (columns text, label, split) and the names of the classes.

    Raises LotteryError for a missing or damaged file.
    """
    try:
        table = pq.read_table(path)
        if not table.schema.equals(SCHEMA):
            raise ValueError(f"columns {table.schema.names}")
        table.validate(full=True)  # finds text that is not UTF-8
        return table.to_pandas(), json.loads(table.schema.metadata[b"classes"])
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run the download stage first") from None
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise LotteryError(
            f"{path}: damaged ({reason}); run 'dvc repro' to regenerate it"
        ) from None
