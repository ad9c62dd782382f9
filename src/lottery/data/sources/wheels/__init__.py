"""Wheels from the package index with the text of several corpora: one module per wheel."""
