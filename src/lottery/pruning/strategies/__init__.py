"""The registered strategies, one module each, with ``start``: see ``lottery.pruning.strategy``."""
