"""Words of any language, in one case, punctuation apart; characters of scripts without spaces."""

import regex

from lottery.data.text.tokenizers import folded

_LETTERS = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WITHOUT_SPACES = regex.compile(rf"([{_LETTERS}][{_LETTERS}\p{{M}}]*)")
_BOUNDARY = regex.compile(r"(?w)\b")
_CLUSTER = regex.compile(r"\X")


def words(text: str) -> list[str]:
    """A document's words, by the word boundaries of Unicode's Annex 29.

    In scripts that are written without spaces each grapheme cluster is a word, since only a
    dictionary could tell where words end. All is in the form of
    :func:`lottery.data.text.tokenizers.folded`.
    """
    parts: list[str] = []
    for number, piece in enumerate(_WITHOUT_SPACES.split(folded(text))):
        is_run = number % 2 == 1  # the group of the pattern
        parts += _CLUSTER.findall(piece) if is_run else _BOUNDARY.split(piece)
    # A combining mark may stand on a space.
    return [word for part in parts if (word := "".join(part.split()))]
