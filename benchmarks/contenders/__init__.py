"""The contenders: each module has ``prepare(threads)``, which makes its settings for the whole
process and is called once, before anything is computed, and ``load(cell, documents)``, which
returns a function that trains for one pass over the documents and returns the mean loss."""
