"""Tidy tables as CSV files."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lottery.errors import LotteryError
from lottery.storage.files import replacing_directory, write_text

FAILED = ["arm", "seed", "level", "reason"]
"""The columns of ``failed.csv``."""


def read(path: Path) -> pd.DataFrame:
    """A table that :func:`write` wrote. Raises LotteryError for a missing or damaged file."""
    try:
        return pd.read_csv(path)
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run 'dvc repro' to generate it") from None
    except (ValueError, pd.errors.ParserError) as error:  # an empty file is a ValueError
        raise LotteryError(f"{path}: damaged ({error}); run 'dvc repro' to regenerate it") from None


def failed(folder: Path) -> pd.DataFrame:
    """The seeds whose training diverged, with columns :data:`FAILED`; no rows if none did."""
    path = folder / "failed.csv"
    return read(path) if path.exists() else pd.DataFrame(columns=FAILED)


def baseline(folder: Path) -> dict[str, Any]:
    """The row that the stage baseline wrote in ``folder``; empty if there is none."""
    path = folder / "baseline.csv"
    rows: list[dict[str, Any]] = read(path).to_dict("records") if path.exists() else []
    return rows[0] if rows else {}


def joined(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """All rows of ``tables``, which have the same columns.

    One without rows, of an arm whose every seed failed, has no types: pandas would make numbers of
    the others objects, which cannot be computed with.
    """
    every = list(tables)
    return pd.concat([table for table in every if len(table)] or every)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write ``table`` with a header. Floats are written in full: the ticket is chosen by them."""
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def write_folder(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Replace ``folder`` by one with a file per table."""
    with replacing_directory(folder) as temporary:
        for name, table in tables.items():
            write(table, temporary / f"{name}.csv")
