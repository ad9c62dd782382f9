"""Tokenizers: one module each, with ``words(text) -> list[str]``, which ``tokens.tokenizer`` names.

A word is never empty and has no white space. ``unicode`` and ``character`` need the package
``regex`` only, so that a ticket can be used where PyTorch is not installed.
"""

import unicodedata


def folded(text: str) -> str:
    """``text`` in Unicode's form NFKC_Casefold, nearly: no case, and one form of each character.

    Full-width letters and punctuation become the usual ones, ligatures their letters.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
