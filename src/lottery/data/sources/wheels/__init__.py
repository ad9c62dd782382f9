"""One module per package of the index whose text several corpora share."""
