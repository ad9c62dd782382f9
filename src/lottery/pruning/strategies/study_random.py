"""The 2020 study's random arm as its code ran: fresh weights at each level, except the embedding.

Its code reset the embedding to a reference of the live tensor, so that each level continued with
the embedding of the level before.
"""

from lottery.pruning.strategy import Dense, Start, Weights


def start(dense: Dense, level: int, trained: Weights) -> Start:
    """A fresh draw, with the trained embedding."""
    return Start({**dense.fresh(level), dense.embedding: trained[dense.embedding]}, 0)
