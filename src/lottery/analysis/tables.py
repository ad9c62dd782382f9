"""Tidy tables as CSV files."""

from pathlib import Path

import pandas as pd

from lottery.errors import LotteryError
from lottery.files import write_text

FAILED = ["strategy", "seed", "level", "reason"]


def read(path: Path) -> pd.DataFrame:
    """Read a table of ours. Raises LotteryError for a missing or damaged file."""
    try:
        return pd.read_csv(path)
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run 'dvc repro' to make it") from None
    except (ValueError, pd.errors.ParserError) as error:  # an empty file is a ValueError
        raise LotteryError(f"{path}: damaged ({error}); run 'dvc repro' to make it anew") from None


def failed(folder: Path) -> pd.DataFrame:
    """The seeds whose training diverged: strategy, seed, level, reason; none if all is well."""
    path = folder / "failed.csv"
    return read(path) if path.exists() else pd.DataFrame(columns=FAILED)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write ``table``; floats in full, since a choice is made by what is read back."""
    write_text(path, table.to_csv(index=False, lineterminator="\n"))
