"""The registered criteria: one module each."""
