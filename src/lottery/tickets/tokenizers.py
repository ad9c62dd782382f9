"""The tokenizers that a ticket can name; each gives the same words as the pipeline's."""

import re
from collections.abc import Callable
from importlib import import_module

Tokenizer = Callable[[str], list[str]]
_PATTERNS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"'", " '  "), (r'"', ""), (r"<br />", " "), (r"[.,()!?]", r" \g<0> "), (r"[;:]", " "),
    )
]  # fmt: skip


def basic_english(text: str) -> list[str]:
    """Words between spaces, in lower case, with punctuation apart, quotation marks left out."""
    text = text.lower()
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text.split()


def load(name: str) -> Tokenizer:
    """The tokenizer ``name``, one of :data:`lottery.tickets.header.TOKENIZERS`."""
    if name == "basic_english":
        return basic_english
    # These need the package regex, which takes longer to import than the first predictions.
    words: Tokenizer = import_module(f"lottery.data.text.tokenizers.{name}").words
    return words
