"""IMDb: the Large Movie Review Dataset, 50,000 labeled reviews (Maas et al. 2011).

There are up to 30 reviews of a film. The archive's own two halves have no film in common. A split
that is drawn from both has films on both sides.
"""

import re

import pandas as pd

from lottery.config.text_schema import Corpus
from lottery.corpora import Documents, without_breaks
from lottery.data.sources import archives, fetch
from lottery.errors import LotteryError

CLASS_COUNT = 2

FILE = "aclImdb_v1.tar.gz"
ADDRESS = "https://ai.stanford.edu/~amaas/data/sentiment/"
MD5 = "7c2ac02c03563afcf9b574c7e56c153a"
MEMBER = re.compile(r"aclImdb/(train|test)/(neg|pos)/\d+_\d+\.txt")
REVIEWS = 50_000
SPLITS = ("study", "official")
"""What ``split`` may be."""
POOLED = "test documents are drawn from all reviews: those of one film may be on both sides"
"""What is said of the split ``study``."""


def read(settings: Corpus) -> Documents:
    """All labeled reviews. ``split: study`` draws a fifth of all of them for testing, as the 2020
    study did, so that reviews of one film are in training and in testing; ``official`` is the split
    of the archive."""
    split = settings.split or "study"
    archive = fetch.official(FILE, ADDRESS, MD5)
    rows = []
    for name, content in archives.read_tar(archive.path, lambda name: bool(MEMBER.fullmatch(name))):
        archive_split, sentiment = MEMBER.fullmatch(name).groups()  # type: ignore[union-attr]
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise LotteryError(f"{archive.path}: {name}: not UTF-8 at byte {error.start}") from None
        rows.append((name, without_breaks(text), int(sentiment == "pos"), archive_split))
    if len(rows) != REVIEWS:
        raise LotteryError(f"{archive.path}: has {len(rows)} labeled reviews, expected {REVIEWS}")
    # Sorted by name, since the order inside an archive depends on who packed it.
    frame = pd.DataFrame(sorted(rows), columns=["name", "text", "label", "split"]).set_index("name")
    return Documents(
        frame,
        ["negative", "positive"],
        [archive.record()],
        test_fraction=0.2 if split == "study" else None,
        notes={"split": split, **({"selection": POOLED} if split == "study" else {})},
    )
