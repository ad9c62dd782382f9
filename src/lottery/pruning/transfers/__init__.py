"""The transferred arms, one module each, with ``make``: see ``lottery.pruning.transfer``."""
