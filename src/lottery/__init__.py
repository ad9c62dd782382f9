"""Lottery tickets for text classification: corpora, tokens, models, pruning, training, analysis."""
