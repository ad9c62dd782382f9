"""The study's random arm as its code ran: a fresh draw at each level, but for the embedding.

Its reset pointed at the live tensor, so that each level went on with the embedding of the one
before.
"""

from lottery.pruning.strategy import Dense, Start, Strategy, Weights


def _start(dense: Dense, level: int, trained: Weights) -> Start:
    return Start({**dense.fresh(level), dense.embedding: trained[dense.embedding]}, 0)


STRATEGY = Strategy(_start)
