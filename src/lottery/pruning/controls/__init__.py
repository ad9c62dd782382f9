"""The registered controls, one module each, with ``make``: see ``lottery.pruning.control``."""
