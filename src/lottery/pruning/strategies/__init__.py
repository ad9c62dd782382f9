"""The registered strategies: one module each."""
