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


def write(frame: pd.DataFrame, classes: list[str], path: Path) -> None:
    """Write the columns text, label and split of ``frame``, whole or not at all."""
    schema = pa.schema(
        [("text", pa.string()), ("label", pa.int8()), ("split", pa.string())],
        metadata={"classes": json.dumps(classes, ensure_ascii=False)},
    )
    columns = [frame.text.tolist(), frame.label.tolist(), frame.split.tolist()]
    arrays = [pa.array(values, schema.types[place]) for place, values in enumerate(columns)]
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), temporary, compression="zstd")


def load(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The documents and the names of the classes. Raises LotteryError for a damaged file."""
    try:
        table = pq.read_table(path)
        return table.to_pandas(), json.loads(table.schema.metadata[b"classes"])
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run the download stage first") from None
    except (pa.ArrowInvalid, KeyError, TypeError) as error:
        raise LotteryError(f"{path}: damaged ({error}); run 'dvc repro' to make it anew") from None
