"""The canonical table of a corpus as a Parquet file.

Columns ``text: string``, ``label: int8``, ``split: string`` (train or test); the classes' names in
the file's metadata.
"""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lottery.errors import LotteryError
from lottery.files import replacing

SCHEMA = pa.schema([("text", pa.string()), ("label", pa.int8()), ("split", pa.string())])
MAX_CHARACTERS = 10_000_000
"""Of a document, ten times a long novel: beyond it a quotation mark was left open, say, and the
words of one document take gigabytes."""


def flaw(text: object) -> str | None:
    """Why ``text`` cannot stand in the table, or None. Any other string is kept as it is: NUL,
    marks of order, byte order and direction, and cells that a spreadsheet would compute."""
    if not isinstance(text, str) or not text.strip():
        return "no text"
    if len(text) > MAX_CHARACTERS:
        return f"{len(text):,} characters, at most {MAX_CHARACTERS:,}"
    if not encodable(text):
        return "half of a surrogate pair, which is no character"
    return None


def encodable(text: str) -> bool:
    """Whether UTF-8 can hold the text: a lone surrogate, as JSON can escape it, it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def write(frame: pd.DataFrame, classes: list[str], path: Path) -> None:
    """Write the columns text, label and split of ``frame``, whole or not at all."""
    schema = SCHEMA.with_metadata({"classes": json.dumps(classes, ensure_ascii=False)})
    columns = [frame.text.tolist(), frame.label.tolist(), frame.split.tolist()]
    arrays = [pa.array(values, schema.types[place]) for place, values in enumerate(columns)]
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), temporary, compression="zstd")


def load(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The documents and the names of the classes. Raises LotteryError for a damaged file."""
    try:
        table = pq.read_table(path)
        if not table.schema.equals(SCHEMA):
            raise ValueError(f"columns {table.schema.names}")
        table.validate(full=True)  # text that is no UTF-8 is found here
        return table.to_pandas(), json.loads(table.schema.metadata[b"classes"])
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run the download stage first") from None
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise LotteryError(f"{path}: damaged ({reason}); run 'dvc repro' to make it anew") from None
