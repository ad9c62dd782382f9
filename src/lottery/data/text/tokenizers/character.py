"""Characters, in one case: what a reader takes for one, with its accents (a grapheme cluster)."""

import regex

from lottery.data.text.tokenizers import folded

_CLUSTER = regex.compile(r"\X")


def words(text: str) -> list[str]:
    """A document's characters, white space left out.

    By the grapheme clusters of Unicode's Annex 29, in the form of
    :func:`lottery.data.text.tokenizers.folded`.
    """
    clusters = ("".join(cluster.split()) for cluster in _CLUSTER.findall(folded(text)))
    return [cluster for cluster in clusters if cluster]
