"""The contenders: each module has ``load(cell, documents)``, which returns a function that trains
for one pass over the documents and returns the mean loss."""
