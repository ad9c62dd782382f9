"""Whether a TSV has quoted fields: in most a quotation mark is text, but pandas and R write quotes.

pandas and Excel quote a field that contains a tab, a line break or a quotation mark, which is then
doubled; Excel also one with a comma. R and ``quoting=QUOTE_ALL`` quote all texts and the header.
"""

import re
from collections.abc import Sequence

_FIELD = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|[^"\t\r\n]*)(?:\t|\r?\n|\r|\Z)')
_NEEDS_QUOTES = re.compile(r'[\t\r\n]|""')
_ESCAPED_QUOTE = re.compile(r'\\"(?![\t\r\n]|\Z)')


def unescaped(text: str, columns: Sequence[str]) -> str | None:
    """The content of a quoted TSV with quotation marks doubled; None if they are text in it.

    ``columns`` are those that the file should have.
    """
    if '"' not in text:
        return None
    header = text[: re.search(r"[\r\n]|\Z", text).start()].split("\t")  # type: ignore[union-attr]
    if not set(columns) <= set(header) and all(
        len(name) > 1 and name[0] == name[-1] == '"' for name in header
    ):
        # R writes a quotation mark in a text as \\".
        return text.replace('\\"', '""') if _ESCAPED_QUOTE.search(text) else text
    return text if _is_quoted_where_needed(text) else None


def _is_quoted_where_needed(text: str) -> bool:
    """Whether each field is either without a quotation mark, or in quotes that it needs.

    A comma alone needs them only for Excel, so it is no proof that a text is in quotes.
    """
    position, proven = 0, False
    while position < len(text):
        field = _FIELD.match(text, position)
        if field is None:
            return False
        quoted = field[1]
        if quoted is not None and _NEEDS_QUOTES.search(quoted):
            proven = True
        elif quoted is not None and "," not in quoted:
            return False
        position = field.end()
    return proven
