"""Each strategy's colour, marker and dash, the same on the whole page."""

from dataclasses import dataclass
from itertools import chain

from lottery.report.content import Content
from lottery.report.svg import MARKERS

DASHES = ["", "6 3", "7 3 1.5 3", "1.5 3", "10 3", "4 2 1 2 1 2"]

# The 2020 study's arms, all in grey; the solid grey line is our dense network.
PUBLISHED = {"lt": "6 3", "random": "1.5 3", "lr_f": "7 3 1.5 3", "lr_l": "7 3 1.5 3"}


@dataclass(frozen=True)
class Style:
    """``colour`` is a class of ``style.css``; a control is drawn as hollow points."""

    colour: str
    marker: str
    dash: str
    control: bool


def styles(content: Content) -> dict[str, Style]:
    """A style for every strategy on the page.

    A control is measured at some levels only, never at level 0, which every chain shares.
    """
    names = list(
        dict.fromkeys(
            chain.from_iterable(
                table.strategy.unique()
                for table in (
                    content.levels,
                    content.tickets,
                    *content.epochs.values(),
                    *content.tensors.values(),
                )
            )
        )
    )
    levels = content.levels
    chains = set(levels.strategy[levels.level == 0]) | (set(names) - set(levels.strategy))
    names.sort(key=lambda name: name not in chains)
    shapes = list(MARKERS)
    return {
        name: Style(
            f"c{place % 6}",
            shapes[place % len(shapes)],
            DASHES[place % len(DASHES)],
            name not in chains,
        )
        for place, name in enumerate(names)
    }


def words(strategy: str) -> str:
    """A strategy's name as it is read."""
    return str(strategy).replace("_", " ")
