"""Effects with the intervals that their verdicts rest on, all on the same axis."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from lottery.report.charts import svg
from lottery.report.formats import interval, signed

WIDTH, HEIGHT = 300, 22
EDGE = 12


def scale(contrasts: pd.DataFrame) -> svg.Scale:
    """One axis for the effects in points of ``contrasts``, zero in its middle.

    It covers all effects and margins. Intervals may go on beyond it: of two or three seeds they may
    be hundreds of points long.
    """
    most = contrasts[["effect", "margin"]].abs().max(axis=None)
    last = svg.ticks(0, 1.0 if pd.isna(most) else max(float(most), 0.1), 3)[-1]
    return svg.Scale(-last, last, EDGE, WIDTH - EDGE)


def axis(x: svg.Scale) -> Markup:
    """The axis's ticks, to stand above a column of effects."""
    picture = svg.chart(WIDTH, 32, f"axis from {signed(x.first, 1)} to {signed(x.last, 1)} points")
    values = [-x.last, *svg.ticks(-x.last, x.last, 5)[1:-1], x.last]
    group = svg.add(picture, "g", class_="axes")
    for value, text in zip(values, svg.fixed_ticks(values, signed=True), strict=True):
        end = {x.first: "", x.last: "end"}.get(value, "middle")
        at = {x.first: 0.0, x.last: WIDTH}.get(value, x(value))
        svg.add(group, "text", text, x=at, y=26, class_=end)
    svg.add(group, "text", "points of test accuracy", x=WIDTH / 2, y=10, class_="middle")
    return svg.markup(picture)


def effect(contrast: Mapping[str, Any], x: svg.Scale) -> Markup:
    """The effect, its interval, zero, and the margin on both sides of it.

    What a match is tested against, minus the margin, is marked instead of zero. Arrowheads end an
    interval that goes on beyond the axis.
    """
    value, low, high = (contrast[name] for name in ("effect", "family_low", "family_high"))
    has_interval, has_effect = not (pd.isna(low) or pd.isna(high)), not pd.isna(value)
    label = "no effect was measured"
    if has_effect:
        label = f"effect {signed(value)} points"
        label += f", interval {interval(low, high, sign=True)}" if has_interval else ", no interval"
    picture = svg.chart(WIDTH, HEIGHT, label)
    middle, margin = HEIGHT / 2, contrast["margin"]
    is_match = contrast["test"] == "matching"
    if not pd.isna(margin):
        corners = [(x(side * margin), y) for side, y in ((-1, 2), (1, 2), (1, 20), (-1, 20))]
        svg.area(picture, corners, "margin")
    null = -margin if is_match and not pd.isna(margin) else 0.0
    svg.line(picture, [(x(null), 0), (x(null), HEIGHT)], "zero", "" if is_match else "2 2")
    if has_interval:
        ends = [x(float(np.clip(end, x.first, x.last))) for end in (low, high)]
        svg.line(picture, [(end, middle) for end in ends], "interval")
        for end, direction, is_beyond in (
            (ends[0], -1, low < x.first),
            (ends[1], 1, high > x.last),
        ):
            tip = [
                (end - 5 * direction, middle - 4),
                (end, middle),
                (end - 5 * direction, middle + 4),
            ]
            stop = [(end, middle - 4), (end, middle + 4)]
            svg.line(picture, tip if is_beyond else stop, "interval")
    if has_effect:
        svg.marker(picture, "circle", x(value), middle, "mark ink", label)
    return svg.markup(picture)
