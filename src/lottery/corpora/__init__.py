"""Corpora: one module each, with ``read(settings) -> Documents``.

What they share is here: checks, and the report on where the documents came from.
"""

from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from lottery.config import plugins
from lottery.config.text_schema import Corpus
from lottery.data import corpus_report, corpus_table, splits
from lottery.data.corpus_table import CorpusTable
from lottery.data.sources import tabular, user_file
from lottery.errors import LotteryError

FOLDER = Path("src/lottery/corpora")
NO_SPLIT = "no split"
"""In the report, of documents among which the stage tokenize draws those for testing."""
MAX_CLASSES = 10_000
"""More are probably a wrong column. The table could have 32,767."""


@dataclass(frozen=True)
class Documents:
    """What a corpus module returns."""

    frame: pd.DataFrame
    """``text``: str, ``label``: int from 0, ``split``: ``train`` or ``test`` (ignored if there is
    a ``test_fraction``). The index names a row in errors."""
    classes: list[str]
    """The names of the labels."""
    sources: list[dict[str, Any]]
    """The record of each file that was read."""
    test_fraction: float | None = None
    """The share to draw for testing, in the stage tokenize; None where the files have a split."""
    notes: dict[str, Any] = field(default_factory=dict)
    """Further entries for the corpus's provenance."""


def read(name: str, settings: Corpus) -> tuple[CorpusTable, dict[str, Any]]:
    """A corpus's table, and the report on where its documents came from.

    Raises LotteryError, naming file and row, for documents that cannot be used.
    """
    documents = _documents(name, settings)
    where = settings.source if settings.is_file else name
    frame, classes, fraction = documents.frame, documents.classes, documents.test_fraction
    _check(where, frame, classes)
    if fraction is not None:
        frame = frame.assign(split=None)
    _check_split(where, frame, classes)
    if fraction is not None:
        try:
            splits.check_test(frame.label.to_numpy(), classes, fraction, f"corpora.{name}")
        except LotteryError as error:
            raise LotteryError(f"{where}: {error}") from None
    report: dict[str, Any] = {"corpus": name, "sources": documents.sources, **documents.notes}
    report["documents_read"] = len(frame)
    report["classes"] = classes
    report["test_fraction"] = fraction
    report["rows"] = {
        split: {
            classes[label]: int(count)
            for label, count in rows.label.value_counts().sort_index().items()
        }
        for split, rows in frame.fillna({"split": NO_SPLIT}).groupby("split", sort=True)
    }
    return CorpusTable(frame, classes, fraction), report


def summary(report: dict[str, Any]) -> str:
    """What is printed of the report: documents, splits, and each class with its documents."""
    rows, classes = report["rows"], report["classes"]
    counts = {name: sum(rows[split].get(name, 0) for split in rows) for name in classes}
    if report["test_fraction"] is None:
        parts = ", ".join(f"{split} {sum(rows[split].values()):,}" for split in rows)
    else:
        parts = f"no split yet, test_fraction {report['test_fraction']}"
    return (
        f"{report['corpus']}: {report['documents_read']:,} documents ({parts}); "
        f"{len(classes):,} classes: {corpus_report.class_counts(counts)}"
    )


def without_breaks(text: str) -> str:
    """The text with a space for each HTML line break, the only markup in IMDb's reviews."""
    return text.replace("<br />", " ")


def _documents(name: str, settings: Corpus) -> Documents:
    """The documents that the corpus's module, or the reader of the user's own file, returns."""
    source = Path(settings.source)
    if settings.is_file:
        file = user_file.read(source, settings.text or "", settings.label or "", settings.split)
        return Documents(file.frame, file.classes, [file.record], settings.test_fraction)
    documents: Documents = load_module(name, settings).read(settings)
    return documents


def most_classes(settings: Corpus) -> int:
    """How many classes the corpus has at most, before it is read: its module's ``CLASS_COUNT``."""
    if settings.is_file:
        return MAX_CLASSES
    module = plugins.load("lottery.corpora", Path(settings.source).stem, "corpus")
    return int(getattr(module, "CLASS_COUNT", MAX_CLASSES))


def load_module(name: str, settings: Corpus) -> ModuleType:
    """The module of the corpus ``name``, which is not a file of the user's.

    Raises LotteryError for one that does not exist, and for a split that it does not have.
    """
    source = Path(settings.source)
    if source.parent != FOLDER:
        raise LotteryError(
            f"corpora.{name}.source: {source} is not in {FOLDER}, where corpus modules belong; "
            f"a file of your own must end in one of {', '.join(tabular.ENDINGS)}"
        )
    module = plugins.load("lottery.corpora", source.stem, f"corpus (corpora.{name}.source)")
    splits = getattr(module, "SPLITS", ())
    if settings.split not in (None, *splits):
        raise LotteryError(
            f"corpora.{name}.split: '{settings.split}' is not one of its splits "
            f"({', '.join(splits) or 'it has only one: remove the key'})"
        )
    return module


def _check(where: str, frame: pd.DataFrame, classes: list[str]) -> None:
    """Raise LotteryError for too few or too many classes, or a text that cannot be used."""
    if len(classes) < 2:
        raise LotteryError(
            f"{where}: all documents have the same label, {classes}; two different labels are "
            "needed"
        )
    if len(classes) > MAX_CLASSES:
        raise LotteryError(
            f"{where}: {len(classes):,} different labels, at most {MAX_CLASSES:,}; is the label "
            f"column right? Its labels are {classes[0]!r}, {classes[1]!r}, {classes[2]!r}, ..."
        )
    flaws = [(row, flaw) for row, text in frame.text.items() if (flaw := corpus_table.flaw(text))]
    if flaws:
        row, flaw = flaws[0]
        raise LotteryError(f"{where}: row {row}: {flaw}; remove the row from the file")


def _check_split(where: str, frame: pd.DataFrame, classes: list[str]) -> None:
    """Raise LotteryError unless each class is in training and there are test documents, or will be.

    Which of them are duplicates is not known yet.
    """
    has_split = bool(frame.split.notna().any())
    missing = set(range(len(classes))) - set(frame.label[frame.split != "test"])
    if missing:
        kind = "training document" if has_split else "document"
        raise LotteryError(
            f"{where}: no {kind} of class '{classes[min(missing)]}'; check the split"
        )
    if has_split and not (frame.split == "test").any():
        raise LotteryError(f"{where}: no test document; check the split")
