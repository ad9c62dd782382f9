"""Words and their ids, by torchtext's tokenizer and vocabulary."""

from collections import Counter
from collections.abc import Iterable

from torchtext.data.utils import get_tokenizer
from torchtext.vocab import Vocab

from lottery.storage.token_arrays import SPECIALS

words = get_tokenizer("basic_english")
"""A document's words: lower case, punctuation set apart (torchtext 0.6.0's ``basic_english``)."""


def build(documents: Iterable[list[str]], size: int) -> list[str]:
    """``<unk>``, ``<pad>`` and the ``size`` most frequent words; a word's index is its id.

    Words of the same frequency are in alphabetical order. A smaller vocabulary is a prefix of a
    larger one, so mapping ids beyond a limit to ``<unk>`` is the same as building the smaller one.
    """
    counts: Counter[str] = Counter()
    for document in documents:
        counts.update(document)
    for special in SPECIALS:  # where it occurs in a document, it is an unknown word
        counts.pop(special, None)
    return list(Vocab(counts, max_size=size, specials=list(SPECIALS)).itos)
