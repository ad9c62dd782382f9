"""Words between spaces, in lower case, ASCII punctuation apart: torchtext's ``basic_english``."""

from torchtext.data.utils import get_tokenizer

words = get_tokenizer("basic_english")
"""A document's words, as torchtext 0.6.0 has them."""
