"""The words of a ticket, sorted, each without the beginning that it shares with the one before."""

from collections.abc import Sequence

import numpy as np

from lottery.tickets.compressed_rows import deflate, inflate

MAX_SHARED = 255
MAX_BYTES = 1 << 26
"""Of all words, inflated. Words of 1,000 letters each would fit."""
_END = b"\n"


def encode(words: Sequence[str]) -> np.ndarray:
    """``words``, in the order of their UTF-8 bytes, as deflated bytes, uint8.

    Each is a byte, how many bytes it shares with the word before, then its other bytes, then a line
    feed, which no word contains.
    """
    content, previous = bytearray(), b""
    for word in map(str.encode, words):
        shared = _shared(previous, word)
        content += bytes([shared]) + word[shared:] + _END
        previous = word
    return deflate(bytes(content))


def _shared(one: bytes, other: bytes) -> int:
    most = min(len(one), len(other), MAX_SHARED)
    return next((number for number in range(most) if one[number] != other[number]), most)


def decode(packed: np.ndarray, count: int) -> list[str]:
    """The words. Raises ValueError unless there are ``count``, of UTF-8, each behind the other."""
    content = inflate(packed, MAX_BYTES)
    words: list[str] = []
    previous, position = b"", 0
    while position < len(content):
        # The first byte may be the code of a line feed itself.
        end = content.find(_END, position + 1)
        shared = content[position]
        if end < 0 or shared > len(previous):
            raise ValueError(f"word {len(words) + 1} is damaged")
        word = previous[:shared] + content[position + 1 : end]
        if word <= previous:
            raise ValueError(f"word {len(words) + 1} is not behind the one before it")
        words.append(word.decode("utf-8"))  # its error is a ValueError
        previous, position = word, end + 1
    if len(words) != count:
        raise ValueError(f"{len(words)} words, expected {count}")
    return words
