"""What every chart is drawn with: elements that escape their text, scales, axes, markers.

Colours are classes that ``style.css`` fills in, so that one chart serves light, dark and print.
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
        first, last, at = self.first, self.last, float(value)
        if self.log:
            first, last, at = math.log(first), math.log(last), math.log(at)
        return self.start + (self.end - self.start) * (at - first) / (last - first)


def add(parent: Element, tag: str, text: str | None = None, **attributes: str | float) -> Element:
    """A child of ``parent``; ``class_`` is class, other underscores are hyphens."""
    names = {
        key.rstrip("_").replace("_", "-"): value if isinstance(value, str) else number(value)
        for key, value in attributes.items()
    }
    child = ElementTree.SubElement(parent, tag, names)
    child.text = text
    return child


def number(value: float) -> str:
    """A coordinate with a tenth of a pixel: short, and the same on every machine."""
    return f"{value + 0.0:.1f}".removesuffix(".0")


def chart(width: float, height: float, label: str) -> Element:
    """An empty picture with its accessible name."""
    return Element(
        "svg",
        {
            "viewBox": f"0 0 {number(width)} {number(height)}",
            "role": "img",
            "aria-label": label,
        },
    )


def done(picture: Element) -> Markup:
    """The picture as HTML; ElementTree has escaped every text and attribute in it."""
    return Markup(ElementTree.tostring(picture, encoding="unicode"))


def marker(parent: Element, shape: str, x: float, y: float, class_: str, title: str) -> None:
    """A marker that names its value when the pointer is near."""
    group = add(parent, "g", class_="point", transform=f"translate({number(x)} {number(y)})")
    add(group, "title", title)
    add(group, "circle", r=8, class_="hit")
    add(group, "path", d=STAR if shape == "star" else MARKERS[shape], class_=class_)


def line(
    parent: Element, points: list[tuple[float, float]], class_: str, dash: str = "", title: str = ""
) -> None:
    """A line through ``points``."""
    drawn = add(parent, "polyline", points=_points(points), class_=f"line {class_}")
    if dash:
        drawn.set("stroke-dasharray", dash)
    if title:
        add(drawn, "title", title)


def band(
    parent: Element,
    class_: str,
    lower: list[tuple[float, float]],
    upper: list[tuple[float, float]],
) -> None:
    """The area between two lines; nothing without two points of each."""
    if len(lower) > 1:
        add(parent, "polygon", points=_points([*lower, *upper[::-1]]), class_=f"band {class_}")


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values from at most ``low`` to at least ``high``."""
    if not high > low:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.8)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * place for place in range(first, last + 1)]


def axes(
    picture: Element, x: Scale, y: Scale, x_ticks: list[float], y_ticks: list[float], x_title: str
) -> None:
    """Grid lines, tick labels and the title of the lower axis; the other one's stands above."""
    group = add(picture, "g", class_="axes")
    places = _places(y_ticks)
    for value in y_ticks:
        add(group, "path", d=f"M{number(x.start)} {number(y(value))}H{number(x.end)}")
        add(group, "text", f"{value:.{places}f}", x=x.start - 7, y=y(value) + 4, class_="end")
    add(group, "path", d=f"M{number(x.start)} {number(y.start)}H{number(x.end)}", class_="base")
    for value in x_ticks:
        add(group, "path", d=f"M{number(x(value))} {number(y.start)}v4", class_="base")
        add(group, "text", f"{value:g}", x=x(value), y=y.start + 18, class_="middle")
    if x_title:
        middle = (x.start + x.end) / 2
        add(group, "text", x_title, x=middle, y=y.start + 37, class_="middle title")


def _places(values: list[float]) -> int:
    step = min((b - a for a, b in pairwise(values)), default=1)
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)
