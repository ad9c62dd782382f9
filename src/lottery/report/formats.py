"""Numbers as the page writes them. What is not known is a dash."""

from typing import Any

import pandas as pd

MISSING = "–"


def fixed(value: Any, places: int = 2) -> str:
    """With a true minus sign."""
    return (
        MISSING
        if pd.isna(value)
        else f"{_positive_zero(value, places):.{places}f}".replace("-", "−")
    )


def signed(value: Any, places: int = 2) -> str:
    """With its sign, for effects and differences."""
    if pd.isna(value):
        return MISSING
    return f"{_positive_zero(value, places):+.{places}f}".replace("-", "−")


def whole(value: Any) -> str:
    """A count, in threes; text stays as it is."""
    if isinstance(value, str):
        return value
    return MISSING if pd.isna(value) else f"{int(value):,}"


def share(fraction: Any) -> str:
    """A fraction as percent."""
    return MISSING if pd.isna(fraction) else f"{100 * fraction:.1f} %"


def chance(p: Any) -> str:
    """A p-value; below a thousandth the digits say nothing."""
    if pd.isna(p):
        return MISSING
    return "<\u00a00.001" if p < 0.001 else f"{p:.3f}"


def interval(low: Any, high: Any, places: int = 2, sign: bool = False) -> str:
    """``low to high``; one dash if either is missing."""
    if pd.isna(low) or pd.isna(high):
        return MISSING
    form = signed if sign else fixed
    return f"{form(low, places)} to {form(high, places)}"


def span(low: Any, high: Any, form: Any) -> str:
    """One value, or two if they are written differently."""
    first, last = form(low), form(high)
    return first if first == last else f"{first} to {last}"


def _positive_zero(value: float, places: int) -> float:
    return round(float(value), places) + 0.0
