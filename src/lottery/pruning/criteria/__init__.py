"""The registered criteria, one module each, with ``score``: see ``lottery.pruning.criterion``."""
