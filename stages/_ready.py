"""What every seed's process needs of the slow to load: imported where they are all forked from.

Nothing here may start a thread: forked from a process that has worked with several, two would take
ten times as long as one.
"""

# ruff: noqa: E402
import gc

# A fifth of the time goes to looking for garbage among what is imported, where there is none. The
# processes that are forked look for it again.
gc.disable()

import numpy as np
import torch

from lottery.kernels import rows
from stages import _cell

__all__ = ["_cell"]

# The first call of any compiled function makes Numba ready, which takes as long as a level.
rows.distinct(torch.zeros(1, 1, dtype=torch.int64), np.full(1, -1))
