"""From documents to ids and vectors. No other package imports torchtext."""
