"""The registered controls: one module each."""
