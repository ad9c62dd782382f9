"""Numbers as the page and the terminal write them; a missing one is a dash."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd

MISSING = "–"


def fixed(value: Any, decimals: int = 2) -> str:
    """A number with so many decimals and a true minus sign: "−1.50"."""
    if pd.isna(value):
        return MISSING
    return f"{_rounded(value, decimals):.{decimals}f}".replace("-", "−")


def signed(value: Any, decimals: int = 2) -> str:
    """A number with its sign, for effects and differences: "+1.50"; what rounds to 0 has none."""
    if pd.isna(value):
        return MISSING
    rounded = _rounded(value, decimals)
    return f"{rounded:{'+' if rounded else ''}.{decimals}f}".replace("-", "−")


def whole(value: Any) -> str:
    """A count with commas between thousands: "21,578"; text stays as it is."""
    if isinstance(value, str):
        return value
    return MISSING if pd.isna(value) else f"{int(value):,}"


def share(fraction: Any) -> str:
    """A fraction from 0 to 1 as percent: "64.0 %".

    With as many decimals as tell it from nothing and from everything: "0.004 %", "99.996 %". Only
    0 is "0.0 %" and only 1 is "100.0 %", and a larger fraction never looks smaller.
    """
    if pd.isna(fraction):
        return MISSING
    percent = 100 * Decimal(float(fraction))
    is_end = percent in (0, 100)
    decimals = 1
    while (Decimal(text := f"{percent:.{decimals}f}") in (0, 100)) != is_end:
        decimals += 1
    return f"{text} %"


def p_value(p: Any) -> str:
    """A p-value with three decimals; below 0.001, where digits mean nothing, "<0.001"."""
    if pd.isna(p):
        return MISSING
    return "<\u00a00.001" if p < 0.001 else f"{p:.3f}"


def interval(low: Any, high: Any, decimals: int = 2, sign: bool = False) -> str:
    """An interval, "0.10 to 0.90"; one dash if either end is missing."""
    if pd.isna(low) or pd.isna(high):
        return MISSING
    form = signed if sign else fixed
    return f"{form(low, decimals)} to {form(high, decimals)}"


def span(low: Any, high: Any, form: Callable[[Any], str]) -> str:
    """A range, "3 to 5", both ends written by ``form``; one value if they look the same."""
    first, last = form(low), form(high)
    return first if first == last else f"{first} to {last}"


def points(value: Any, form: Callable[[Any], str] = fixed) -> str:
    """A difference in accuracy, in percentage points, written by ``form``.

    There is none of more than 100 points, though the interval of two seeds may reach further:
    "over +100" or "under −100".
    """
    if pd.isna(value) or abs(value) <= 100:
        return form(value)
    end = form(math.copysign(100, value)).removesuffix(".00")
    return f"over {end}" if value > 0 else f"under {end}"


def factor(logarithm: Any) -> str:
    """A ratio, from its base-two logarithm: "×2.8", "×0.35", "over ×1,000", "under ×0.001"."""
    if pd.isna(logarithm):
        return MISSING
    if abs(logarithm) >= 10:
        return "over ×1,000" if logarithm > 0 else "under ×0.001"
    return f"×{2.0**logarithm:.2g}" if logarithm < 6.6 else f"×{2.0**logarithm:.0f}"


def size(count: Any) -> str:
    """Bytes: "447 kB", "20.5 MB"."""
    if pd.isna(count):
        return ""
    return f"{count / 1e6:.1f} MB" if count >= 999_500 else f"{count / 1e3:,.0f} kB"


def millions(count: Any) -> str:
    """A large count: "5.12 million", "48,600"."""
    if pd.isna(count):
        return MISSING
    return f"{count / 1e6:.2f} million" if count >= 1e6 else whole(count)


def log2(value: Any, form: Callable[[Any], str] = fixed) -> str:
    """A value that is no points but a logarithm, written by ``form``: "+1.50 log2"."""
    return MISSING if pd.isna(value) else f"{form(value)} log2"


def _rounded(value: float, decimals: int) -> float:
    return round(float(value), decimals) + 0.0  # which turns -0.0 into 0.0
