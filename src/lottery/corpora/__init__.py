"""Corpora: one module each, with ``read(settings) -> Documents``.

What they share is here: checks, duplicates, and the split where a corpus has none.
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from lottery import canonical, registry
from lottery.errors import LotteryError
from lottery.sections import Corpus
from lottery.sources import table

FOLDER = Path("src/lottery/corpora")
MAX_CLASSES = 128
SPLIT_SEED = 20_200_101
"""Of corpora that have no split of their own; fixed, so that everybody has the same test part."""


@dataclass(frozen=True)
class Documents:
    """What a corpus module reads from its files."""

    frame: pd.DataFrame
    """``text``: str, ``label``: int from 0, ``split``: train or test (any, with test_fraction)."""
    classes: list[str]
    sources: list[dict[str, Any]]
    test_fraction: float | None = None
    """Cut this part off for testing, by a fixed seed, stratified; None where the files split."""
    notes: dict[str, Any] = field(default_factory=dict)


def read(name: str, settings: Corpus) -> tuple[Documents, dict[str, Any]]:
    """A corpus's documents, ready for the canonical table, and the record of their origin.

    Raises LotteryError, naming file and row, for documents that cannot be used.
    """
    documents = _documents(name, settings)
    frame = documents.frame
    report: dict[str, Any] = {"corpus": name, "sources": documents.sources, **documents.notes}
    report["documents_read"] = len(frame)
    _check(name, frame, documents.classes)
    if settings.dedupe:
        # Stable, so the first one stays: of the training split where the files have one.
        frame = frame.sort_values("split", key=lambda split: split != "train", kind="stable")
        kept = frame.drop_duplicates("text")
        report["exact_duplicates_dropped"] = len(frame) - len(kept)
        frame = kept
    if documents.test_fraction is not None:
        frame = _with_split(name, frame, documents.test_fraction)
    missing = set(range(len(documents.classes))) - set(frame.label[frame.split == "train"])
    if missing:
        absent = documents.classes[min(missing)]
        raise LotteryError(f"{name}: no training document of class '{absent}'; check the split")
    if not (frame.split == "test").any():
        raise LotteryError(f"{name}: no test documents; check the split")
    report["classes"] = documents.classes
    report["rows"] = {
        split: {
            documents.classes[label]: int(count)
            for label, count in rows.label.value_counts().sort_index().items()
        }
        for split, rows in frame.groupby("split", sort=True)
    }
    return dataclasses.replace(documents, frame=frame), report


def without_breaks(text: str) -> str:
    """The text without HTML's line breaks, the only markup of IMDb's reviews."""
    return text.replace("<br />", " ")


def _documents(name: str, settings: Corpus) -> Documents:
    """What the corpus's module, or the reader of a user's own file, makes of the settings."""
    source = Path(settings.source)
    if settings.is_file:
        own = table.read(source, settings.text or "", settings.label or "", settings.split)
        return Documents(own.frame, own.classes, [own.record], settings.test_fraction)
    if source.parent != FOLDER:
        raise LotteryError(
            f"corpora.{name}.source: {source} is not in {FOLDER}; a corpus module of yours goes "
            f"there, a file with text ends in {', '.join(table.ENDINGS)}"
        )
    module = registry.load("lottery.corpora", source.stem, f"corpus (corpora.{name}.source)")
    splits = getattr(module, "SPLITS", ())
    if settings.split not in (None, *splits):
        raise LotteryError(
            f"corpora.{name}.split: '{settings.split}' is not one of its splits "
            f"({', '.join(splits) or 'it has but one: take the key out'})"
        )
    return module.read(settings)


def _check(name: str, frame: pd.DataFrame, classes: list[str]) -> None:
    if len(classes) < 2:
        raise LotteryError(f"{name}: all documents have one label, {classes}; two are needed")
    if len(classes) > MAX_CLASSES:
        raise LotteryError(
            f"{name}: {len(classes)} different labels, at most {MAX_CLASSES}; "
            f"is the label column right? Found {classes[0]!r}, {classes[1]!r}, {classes[2]!r}, ..."
        )
    flaws = [(row, flaw) for row, text in frame.text.items() if (flaw := canonical.flaw(text))]
    if flaws:
        row, flaw = flaws[0]
        raise LotteryError(f"{name}: row {row}: {flaw}; take the row out of the file")


def _with_split(name: str, frame: pd.DataFrame, fraction: float) -> pd.DataFrame:
    try:
        _, test = train_test_split(
            np.arange(len(frame)),
            test_size=fraction,
            random_state=SPLIT_SEED,
            stratify=frame.label,
        )
    except ValueError as error:
        raise LotteryError(f"{name}: cannot be split by label: {error}") from None
    split = np.full(len(frame), "train", dtype=object)
    split[test] = "test"
    return frame.assign(split=split)
