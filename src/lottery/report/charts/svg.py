"""What every chart is drawn with: elements that escape their text, scales, axes, markers.

Colors are classes that ``style.css`` fills in, so that one chart serves light mode, dark mode and
print. All coordinates are in pixels of the chart's ``viewBox``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree

from markupsafe import Markup

Element = ElementTree.Element
Points = Sequence[tuple[float, float]]

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


def line(parent: Element, points: Points, class_: str, dash: str = "", title: str = "") -> None:
    """A line through ``points``."""
    polyline = add(parent, "polyline", points=_points(points), class_=f"line {class_}")
    if dash:
        polyline.set("stroke-dasharray", dash)
    if title:
        add(polyline, "title", title)


def symbol(parent: Element, shape: str, x: float, y: float, class_: str) -> None:
    """A marker beside a name, which says what it is."""
    shift = f"translate({number(x)} {number(y)})"
    add(parent, "path", d=MARKERS[shape], class_=class_, transform=shift)


def area(parent: Element, outline: Points, class_: str) -> None:
    """A filled polygon; nothing if it has fewer than three points."""
    if len(outline) > 2:
        add(parent, "polygon", points=_points(outline), class_=f"band {class_}")


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
    grid(picture, x, y, y_ticks, fixed_ticks(y_ticks))
    x_axis(picture, x, y.start, x_ticks, x_title)


def grid(picture: Element, x: Scale, y: Scale, ticks: list[float], texts: list[str]) -> None:
    """A line across for each of ``ticks``, with its text on the left."""
    group = add(picture, "g", class_="axes")
    for value, text in zip(ticks, texts, strict=True):
        add(group, "path", d=f"M{number(x.start)} {number(y(value))}H{number(x.end)}")
        add(group, "text", text, x=x.start - 7, y=y(value) + 4, class_="end")


def x_axis(picture: Element, x: Scale, height: float, ticks: list[float], title: str) -> None:
    """The axis at ``height``, with its ticks and its title below."""
    group = add(picture, "g", class_="axes")
    add(group, "path", d=f"M{number(x.start)} {number(height)}H{number(x.end)}", class_="base")
    for value in ticks:
        add(group, "path", d=f"M{number(x(value))} {number(height)}v4", class_="base")
        add(group, "text", f"{value:g}", x=x(value), y=height + 17, class_="middle")
    if title:
        middle = (x.start + x.end) / 2
        add(group, "text", title, x=middle, y=height + 35, class_="middle title")


def fixed_ticks(values: list[float], signed: bool = False) -> list[str]:
    """Values with as many decimals as their step needs; ``signed`` ones as "+1", "0", "−1"."""
    decimals = _decimals(values)
    form = f"{{:{'+' if signed else ''}.{decimals}f}}"
    texts = [form.format(round(value, decimals) + 0.0) for value in values]
    if not signed:
        return texts
    return ["0" if float(text) == 0 else text.replace("-", "−") for text in texts]


def _decimals(values: list[float]) -> int:
    step = min((b - a for a, b in pairwise(values)), default=1)
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _points(points: Points) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)
