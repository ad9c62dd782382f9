"""From documents to ids and vectors: the one room that imports torchtext."""
