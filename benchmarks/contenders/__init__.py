"""Who is measured: each module has ``load(cell, documents)``, which gives a function that trains
one pass over the documents and returns its mean loss."""
