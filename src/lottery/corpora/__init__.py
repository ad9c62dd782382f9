"""Corpora: one module each, with ``read(settings) -> Documents``.

What they share is here: checks, the removal of duplicates, and a split where a corpus has none.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lottery.config import plugins
from lottery.config.schema import Corpus
from lottery.data import corpus_table, stratified
from lottery.data.sources import tabular, user_file
from lottery.errors import LotteryError, clipped, one_line

FOLDER = Path("src/lottery/corpora")
MAX_CLASSES = 10_000
"""More are probably a wrong column. The table could have 32,767."""
SHOWN = 30
"""How many classes are printed at most."""
SPLIT_SEED = 20_200_101
"""For corpora without a split. Fixed, so that everybody has the same test documents."""


@dataclass(frozen=True)
class Documents:
    """What a corpus module returns."""

    frame: pd.DataFrame
    """``text``: str, ``label``: int from 0, ``split``: ``train`` or ``test`` (replaced if there is
    a ``test_fraction``). The index names a row in errors."""
    classes: list[str]
    """The names of the labels."""
    sources: list[dict[str, Any]]
    """The record of each file that was read."""
    test_fraction: float | None = None
    """The share to set apart for testing, by a fixed seed, stratified by label; None where the
    files have a split."""
    notes: dict[str, Any] = field(default_factory=dict)
    """Further entries for the corpus's provenance."""


def read(name: str, settings: Corpus) -> tuple[Documents, dict[str, Any]]:
    """A corpus's documents, ready for the corpus table, and the report on where they came from.

    Raises LotteryError, naming file and row, for documents that cannot be used.
    """
    documents = _documents(name, settings)
    where = settings.source if settings.is_file else name
    frame = documents.frame
    report: dict[str, Any] = {"corpus": name, "sources": documents.sources, **documents.notes}
    report["documents_read"] = len(frame)
    _check(where, frame, documents.classes)
    if settings.dedupe:
        # A stable sort, so that the first one is used: in training, if it occurs there.
        frame = frame.sort_values("split", key=lambda split: split != "train", kind="stable")
        distinct = frame[~frame.text.map(corpus_table.canonical).duplicated()]
        report["exact_duplicates_dropped"] = len(frame) - len(distinct)
        frame = distinct
    _check_split(where, documents, frame)
    if documents.test_fraction is not None:
        frame = _with_split(name, where, frame, documents)
    report["classes"] = documents.classes
    report["rows"] = {
        split: {
            documents.classes[label]: int(count)
            for label, count in rows.label.value_counts().sort_index().items()
        }
        for split, rows in frame.groupby("split", sort=True)
    }
    return dataclasses.replace(documents, frame=frame), report


def summary(report: dict[str, Any]) -> str:
    """What is printed of the report: documents, duplicates, and each class with its documents."""
    rows = report["rows"]
    counts = [sum(rows[split].get(name, 0) for split in rows) for name in report["classes"]]
    pairs = zip(report["classes"], counts, strict=True)
    classes = [f"{clipped(one_line(name), 40)} {count:,}" for name, count in pairs]
    more = f", and {len(classes) - SHOWN:,} more" if len(classes) > SHOWN else ""
    splits = ", ".join(f"{split} {sum(rows[split].values()):,}" for split in ("train", "test"))
    dropped = report.get("exact_duplicates_dropped", "not looked for")
    return (
        f"{report['corpus']}: {sum(counts)} documents ({splits}); exact duplicates dropped: "
        f"{dropped}; {len(classes)} classes: {', '.join(classes[:SHOWN])}{more}"
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
    return module.read(settings)


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


def _check_split(where: str, documents: Documents, frame: pd.DataFrame) -> None:
    """Raise LotteryError unless each class is in training and there are test documents, or will be.

    ``frame`` has the documents without duplicates.
    """
    unique, read, kind = frame, documents.frame, "document"
    if documents.test_fraction is None:
        unique, read = frame[frame.split == "train"], read[read.split == "train"]
        kind = "training document"
    missing = set(range(len(documents.classes))) - set(unique.label)
    if missing:
        what = f"{kind} of class '{documents.classes[min(missing)]}'"
        count = int((read.label == min(missing)).sum())
        _refuse_missing(where, what, count, "documents of other classes")
    if documents.test_fraction is None and len(unique) == len(frame):
        count = int((documents.frame.split == "test").sum())
        _refuse_missing(where, "test document", count, "training documents")


def _refuse_missing(where: str, what: str, count: int, others: str) -> None:
    """Raise LotteryError for no ``what`` that is used, of ``count`` that were read."""
    if count:
        raise LotteryError(
            f"{where}: no {what} is left: each of the {count:,} is a duplicate of one of the "
            f"{others}; correct the file, or keep duplicates with dedupe: false"
        )
    raise LotteryError(f"{where}: no {what}; check the split")


def _with_split(name: str, where: str, frame: pd.DataFrame, documents: Documents) -> pd.DataFrame:
    """The documents, ``documents.test_fraction`` of them drawn for testing, stratified by label."""
    fraction, labels = documents.test_fraction or 0.0, frame.label.to_numpy()
    size = math.ceil(fraction * len(frame))
    setting = f"corpora.{name}.test_fraction {fraction}"
    try:
        stratified.check(labels, documents.classes, size, setting, "testing")
    except LotteryError as error:
        raise LotteryError(f"{where}: {error}") from None
    # Of a class of three, two stay in training, of which one is for validation.
    least = np.minimum(np.bincount(labels) - 1, 2)
    train = stratified.draw(labels, len(frame) - size, SPLIT_SEED, least, 1)
    return frame.assign(split=np.where(train, "train", "test").astype(object))
