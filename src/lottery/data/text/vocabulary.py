"""The vocabulary, by torchtext's."""

from collections import Counter
from collections.abc import Mapping

from torchtext.vocab import Vocab

from lottery.storage.token_arrays import SPECIALS


def build(counts: Mapping[str, int], size: int) -> list[str]:
    """``<unk>``, ``<pad>`` and the ``size`` most frequent words; a word's index is its id.

    ``counts`` says how often each word occurs. Words of the same frequency are in alphabetical
    order. A smaller vocabulary is a prefix of a larger one, so mapping ids beyond a limit to
    ``<unk>`` is the same as building the smaller one.
    """
    # Where a special one occurs in a document, it is an unknown word.
    occurring = {word: n for word, n in counts.items() if n and word not in SPECIALS}
    return list(Vocab(Counter(occurring), max_size=size, specials=list(SPECIALS)).itos)
