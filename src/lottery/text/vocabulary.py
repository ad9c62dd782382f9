"""Words and their ids, by torchtext's tokenizer and vocabulary."""

from collections import Counter
from collections.abc import Iterable

from torchtext.data.utils import get_tokenizer
from torchtext.vocab import Vocab

UNK, PAD = 0, 1
SPECIALS = ["<unk>", "<pad>"]

words = get_tokenizer("basic_english")
"""A document's words: lower case, punctuation set apart (torchtext 0.6.0's ``basic_english``)."""


def build(documents: Iterable[list[str]], size: int) -> list[str]:
    """The ``size`` most frequent words, ties by letter, behind ``<unk>`` (0) and ``<pad>`` (1).

    A smaller vocabulary is a prefix of a larger one, so mapping ids beyond a limit to ``<unk>``
    is the same as building the smaller one.
    """
    counts: Counter[str] = Counter()
    for document in documents:
        counts.update(document)
    for special in SPECIALS:  # in a document these are words like any other that is not known
        counts.pop(special, None)
    return list(Vocab(counts, max_size=size, specials=SPECIALS).itos)
