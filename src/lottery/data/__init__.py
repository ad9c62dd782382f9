"""From text to token arrays: fetching files, the corpus table, tokenizing."""
