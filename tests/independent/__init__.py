"""The statistics of a run once more, from its tables alone: nothing here imports the library.

Written from ``claims.yaml``, the README and the documentation of the tables, so that a mistake in
``lottery.analysis`` is not made twice. ``recompute`` compares.
"""
