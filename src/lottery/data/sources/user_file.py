"""A user's own file, which has a text and a label column, as documents."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lottery.data import corpus_table
from lottery.data.sources import header, tabular
from lottery.errors import LotteryError, brief
from lottery.storage import files

SPLITS = ("train", "test")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class UserFile:
    """The rows of a user's file."""

    frame: pd.DataFrame
    """Columns text, label (int from 0) and split; the index counts the rows from 1."""
    classes: list[str]
    """The names of the labels, in the order of their numbers."""
    record: dict[str, str]
    """What the corpus's provenance says of the file."""


def read(path: Path, text: str, label: str, split: str | None) -> UserFile:
    """The rows of the file ``path``, from its columns ``text``, ``label`` and, if given, ``split``.

    Texts and labels are in NFC. Labels are strings, numbered alphabetically; labels that are whole
    numbers come first, by value. Raises LotteryError that names the file and the row or column.
    """
    columns = [text, label] + ([split] if split else [])
    raw = _with_names(tabular.read(path, columns), columns)
    raw.index = pd.RangeIndex(1, len(raw) + 1)
    _check_columns(path, raw.columns, columns)
    if raw.empty:
        raise LotteryError(f"{path}: contains no rows")
    _check_texts(path, raw[text])
    _check_missing(path, raw[label])
    labels = pd.Series(
        [_label(path, row, label, value) for row, value in raw[label].items()], raw.index
    )
    classes = sorted(labels.unique(), key=_natural)
    _check_numbers(path, label, classes)
    _check_spellings(path, labels.rename(label))
    if split:
        _check_splits(path, raw[split])
    frame = pd.DataFrame(
        {
            "text": raw[text].map(corpus_table.canonical),
            "label": labels.map({name: number for number, name in enumerate(classes)}),
            "split": raw[split] if split else "train",
        }
    )
    record = {"file": path.name, "origin": "own file", "sha256": files.digest(path)}
    return UserFile(frame, classes, record)


def check(path: Path, text: str, label: str, split: str | None) -> None:
    """Raise LotteryError for a file whose name, packing or columns are wrong; only its beginning is
    read. :func:`read` has the arguments."""
    columns = [text, label] + ([split] if split else [])
    names = header.names(path, columns)
    _check_columns(path, names, columns, corpus_table.canonical)


def _check_columns(
    path: Path,
    names: Iterable[Any],
    columns: list[str],
    form: Callable[[str], str] = str,
) -> None:
    """Raise LotteryError for the first of ``columns`` that is not among ``names``, in one form."""
    names = list(names)
    for column in columns:
        if form(column) not in {form(str(name)) for name in names}:
            listed = ", ".join(str(name)[:60] for name in names[:12])
            raise LotteryError(f"{path}: no column '{column}'; its columns are {listed}")


def _with_names(raw: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The table with the names ``columns`` also where it has them in another Unicode form."""
    forms = {corpus_table.canonical(column): column for column in columns}
    names = {
        name: forms[form]
        for name in raw.columns
        if (form := corpus_table.canonical(str(name))) in forms and forms[form] not in raw.columns
    }
    return raw.rename(columns=names)


def _check_texts(path: Path, texts: pd.Series) -> None:
    """Raise LotteryError for the first text that cannot be in a corpus table."""
    flaws = [(row, flaw) for row, value in texts.items() if (flaw := corpus_table.flaw(value))]
    if flaws:
        row, flaw = flaws[0]
        more = f" (and {len(flaws) - 1:,} more)" if len(flaws) > 1 else ""
        raise LotteryError(
            f"{path}: row {row}: {flaw} in column '{texts.name}'{more}; "
            "fix the file or remove the row"
        )


def _check_missing(path: Path, labels: pd.Series) -> None:
    """Raise LotteryError for the first missing label.

    Before any other flaw: where one is missing, pandas makes floats of all whole numbers.
    """
    missing = labels[labels.isna()]
    if len(missing):
        more = f" (and {len(missing) - 1:,} more)" if len(missing) > 1 else ""
        raise LotteryError(
            f"{path}: row {missing.index[0]}: {brief(missing.iloc[0])} in column '{labels.name}'"
            f"{more} is not a valid label (expected a word or a whole number)"
        )


def _check_numbers(path: Path, column: str, classes: list[str]) -> None:
    """Raise LotteryError for two classes that are the same number, written as 1 and 1.0, say."""
    spellings: dict[Decimal, str] = {}
    for name in classes:
        if _NUMBER.fullmatch(name) and (first := spellings.setdefault(Decimal(name), name)) != name:
            raise LotteryError(
                f"{path}: labels '{first}' and '{name}' in column '{column}' are the same number; "
                "write it one way"
            )


def _check_spellings(path: Path, labels: pd.Series) -> None:
    """Raise LotteryError for two classes that differ in case or white space only."""
    first_rows = labels.drop_duplicates()
    spellings: dict[str, tuple[object, str]] = {}
    for row, name in first_rows.items():
        same = " ".join(name.split()).casefold()
        first_row, first = spellings.setdefault(same, (row, name))
        if first != name:
            raise LotteryError(
                f"{path}: labels {brief(first)} (row {first_row}) and {brief(name)} (row {row}) in "
                f"column '{labels.name}' differ in case or white space only; write it one way, or "
                "rename one"
            )


def _check_splits(path: Path, splits: pd.Series) -> None:
    """Raise LotteryError for the first value that is not a split."""
    for row, value in splits.items():
        if value not in SPLITS:
            raise LotteryError(
                f"{path}: row {row}: expected train or test in column '{splits.name}', "
                f"got {brief(value)}{_split_hint(value)}"
            )


def _split_hint(value: object) -> str:
    """The end of an error about ``value``, which is not a split."""
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in ("validation", "valid", "val", "dev", "development"):
        return (
            "; validation documents are drawn from those for training "
            "(tokens.validation_fraction): write train in these rows, or remove them"
        )
    meant = {"training": "train", "testing": "test"}.get(word, word)
    return f"; write {meant}" if meant in SPLITS else "; fix the file or remove the row"


def _label(path: Path, row: object, column: str, value: object) -> str:
    """A label as a string. Raises LotteryError for anything but a word or a whole number.

    In a CSV and a TSV all labels are words, also those that look like a float.
    """
    name = str(value).strip() if isinstance(value, str | int | np.integer | np.bool_) else ""
    name = corpus_table.canonical(name)
    if not name or name.lower() == "nan" or len(name) > 100 or not corpus_table.encodable(name):
        raise LotteryError(
            f"{path}: row {row}: {brief(value)} in column '{column}' is not a valid label "
            "(expected a word or a whole number)"
        )
    return name


def _natural(name: str) -> tuple[bool, int, str]:
    """A sorting key: whole numbers by value, then words alphabetically."""
    is_number = re.fullmatch(r"-?[0-9]{1,18}", name) is not None
    return (not is_number, int(name) if is_number else 0, name)
