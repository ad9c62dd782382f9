"""What every chart is drawn with: elements that escape their text, scales, axes, markers.

Colors are classes that ``style.css`` fills in, so that one chart serves light mode, dark mode and
print. All coordinates are in pixels of the chart's ``viewBox``.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree

from markupsafe import Markup

Element = ElementTree.Element

# Paths around the origin, four units to each side.
MARKERS = {
    "circle": "M-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0-7.2 0z",
    "square": "M-3.2-3.2h6.4v6.4h-6.4z",
    "triangle": "M0-4.2l4 7.4h-8z",
    "diamond": "M0-4.6l4 4.6l-4 4.6l-4-4.6z",
    "down": "M0 4.2l4-7.4h-8z",
    "plus": "M-1.4-4h2.8v2.6h2.6v2.8h-2.6v2.6h-2.8v-2.6h-2.6v-2.8h2.6z",
    "left": "M-4.2 0l7.4-4v8z",
    "right": "M4.2 0l-7.4-4v8z",
    "cross": "M-4-2l2-2l2 2l2-2l2 2l-2 2l2 2l-2 2l-2-2l-2 2l-2-2l2-2z",
    "hexagon": "M-4 0l2-3.6h4l2 3.6l-2 3.6h-4z",
    "bar": "M-1.3-4.6h2.6v9.2h-2.6z",
    "dash": "M-4.6-1.3h9.2v2.6h-9.2z",
}
STAR = "M0-9l2.1 6.1h6.5l-5.2 3.9l1.9 6.2l-5.3-3.7l-5.3 3.7l1.9-6.2l-5.2-3.9h6.5z"


@dataclass(frozen=True)
class Scale:
    """From values to pixels: ``first`` lies at ``start``, ``last`` at ``end``."""

    first: float
    last: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        first, last, value = self.first, self.last, float(value)
        if self.log:
            first, last, value = math.log(first), math.log(last), math.log(value)
        return self.start + (self.end - self.start) * (value - first) / (last - first)


def add(parent: Element, tag: str, text: str | None = None, **attributes: str | float) -> Element:
    """A new child of ``parent``; ``class_`` becomes class, any other underscore a hyphen."""
    names = {
        key.rstrip("_").replace("_", "-"): value if isinstance(value, str) else number(value)
        for key, value in attributes.items()
    }
    child = ElementTree.SubElement(parent, tag, names)
    child.text = text
    return child


def number(value: float) -> str:
    """A coordinate to a tenth of a pixel: short, and the same on every machine."""
    return f"{value + 0.0:.1f}".removesuffix(".0")


def chart(width: float, height: float, label: str) -> Element:
    """An empty picture; ``label`` is what a screen reader says of it."""
    return Element(
        "svg",
        {
            "viewBox": f"0 0 {number(width)} {number(height)}",
            "role": "img",
            "aria-label": label,
        },
    )


def markup(picture: Element) -> Markup:
    """The picture as HTML; ElementTree has escaped every text and attribute in it."""
    return Markup(ElementTree.tostring(picture, encoding="unicode"))


def marker(parent: Element, shape: str, x: float, y: float, class_: str, title: str) -> None:
    """A marker that shows ``title`` when the mouse is near."""
    group = add(parent, "g", class_="point", transform=f"translate({number(x)} {number(y)})")
    add(group, "title", title)
    add(group, "circle", r=8, class_="hit")
    add(group, "path", d=STAR if shape == "star" else MARKERS[shape], class_=class_)


def line(
    parent: Element, points: list[tuple[float, float]], class_: str, dash: str = "", title: str = ""
) -> None:
    """A line through ``points``."""
    polyline = add(parent, "polyline", points=_points(points), class_=f"line {class_}")
    if dash:
        polyline.set("stroke-dasharray", dash)
    if title:
        add(polyline, "title", title)


def band(
    parent: Element,
    class_: str,
    lower: list[tuple[float, float]],
    upper: list[tuple[float, float]],
) -> None:
    """The area between two lines; nothing if they have fewer than two points."""
    if len(lower) > 1:
        add(parent, "polygon", points=_points([*lower, *upper[::-1]]), class_=f"band {class_}")


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """About ``most`` round values, the first at most ``low`` and the last at least ``high``."""
    if not high > low:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.8)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * multiple for multiple in range(first, last + 1)]


def axes(
    picture: Element, x: Scale, y: Scale, x_ticks: list[float], y_ticks: list[float], x_title: str
) -> None:
    """Grid lines, tick labels and the x axis's title; the y axis's title is left to the caller."""
    group = add(picture, "g", class_="axes")
    decimals = _decimals(y_ticks)
    for value in y_ticks:
        add(group, "path", d=f"M{number(x.start)} {number(y(value))}H{number(x.end)}")
        add(group, "text", f"{value:.{decimals}f}", x=x.start - 7, y=y(value) + 4, class_="end")
    add(group, "path", d=f"M{number(x.start)} {number(y.start)}H{number(x.end)}", class_="base")
    for value in x_ticks:
        add(group, "path", d=f"M{number(x(value))} {number(y.start)}v4", class_="base")
        add(group, "text", f"{value:g}", x=x(value), y=y.start + 18, class_="middle")
    if x_title:
        middle = (x.start + x.end) / 2
        add(group, "text", x_title, x=middle, y=y.start + 37, class_="middle title")


def _decimals(values: list[float]) -> int:
    step = min((b - a for a, b in pairwise(values)), default=1)
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)
