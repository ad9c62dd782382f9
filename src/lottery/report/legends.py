"""What stands under a chart: a sample of each line or marker, and its name."""

import math
from collections.abc import Iterable

import pandas as pd
from markupsafe import Markup

from lottery.report import svg
from lottery.report.reference import ARMS
from lottery.report.styles import PUBLISHED, Style, words

Entries = list[tuple[Markup, str]]


def swatch(colour: str, shape: str, dash: str, control: bool = False) -> Markup:
    """A legend's sample; the words beside it are its name."""
    picture = svg.Element("svg", {"viewBox": "0 0 34 12", "aria-hidden": "true"})
    if not control:
        svg.line(picture, [(1, 6), (33, 6)], colour, dash)
    if shape:
        kind = "star" if shape == "star" else "hollow" if control else "mark"
        size = {"transform": "translate(17 6)" + (" scale(.7)" if shape == "star" else "")}
        path = svg.STAR if shape == "star" else svg.MARKERS[shape]
        svg.add(picture, "path", d=path, class_=f"{kind} {colour}", **size)
    return svg.done(picture)


def samples(kinds: dict[str, tuple[str, str, str, str]], shown: Iterable[str]) -> Entries:
    """Samples and words of those ``kinds`` that are shown."""
    names = set(shown)
    return [
        (swatch(colour, shape, dash), meaning)
        for kind, (colour, shape, dash, meaning) in kinds.items()
        if kind in names
    ]


def strategies(drawn: dict[str, Style], names: list[str]) -> Entries:
    """Samples and words of the strategies."""
    return [
        (swatch(style.colour, style.marker, style.dash, style.control), words(name))
        for name, style in drawn.items()
        if name in names
    ]


def published(behind: pd.DataFrame) -> Entries:
    """Samples and words of the 2020 study's arms in ``behind``."""
    return [
        (swatch("published", "", PUBLISHED[arm]), f"2020 study, {ARMS[arm]}")
        for arm in behind.arm.unique()
    ]


def shade(percent: float) -> str:
    """How opaque a share of weights is drawn: by its logarithm, from a hundredth to all."""
    return f"{max(0.08, 1 + math.log10(max(percent, 1) / 100) / 2):.2f}"


def shades() -> Entries:
    """What the colours of :func:`lottery.report.panels.survivors` mean."""
    entries = []
    for percent in (100, 30, 10, 3, 1):
        picture = svg.Element("svg", {"viewBox": "0 0 34 12", "aria-hidden": "true"})
        svg.add(picture, "rect", width=34, height=12, fill_opacity=shade(percent), class_="heat")
        entries.append((svg.done(picture), f"{percent} %" + (" or less" if percent == 1 else "")))
    return entries
