"""Files on disk: where they are, and one module per format that writes and reads it."""
