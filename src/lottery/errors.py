"""The error for a user to read, and helpers that write its line."""

from typing import Any


class LotteryError(Exception):
    """One line that names the file, key or row at fault and the way out.

    Stages and tools print it without a traceback and exit with 1; ``--debug`` adds the traceback.
    Any other exception is a bug in this project, and is not shortened.
    """


def brief(value: Any) -> str:
    """The beginning of ``repr(value)``, at most 60 characters on one line."""
    try:
        return clipped(repr(value), 60)
    except (ValueError, RecursionError):
        # An integer of thousands of digits, or lists in lists in lists.
        return f"a {type(value).__name__} too large to print"


def one_line(text: str) -> str:
    """``text`` without line breaks, and with escapes for what a terminal would not print."""
    words = " ".join(text.split())
    return "".join(letter if letter.isprintable() else ascii(letter).strip("'") for letter in words)


def clipped(text: str, length: int) -> str:
    """``text``, or its beginning and ``...`` if it is longer than ``length`` characters."""
    return text if len(text) <= length else text[: length - 3] + "..."
