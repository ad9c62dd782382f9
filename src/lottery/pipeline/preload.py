"""What is slow to import: imported once, in the process that every seed's process is forked from.

Nothing here may start a thread: in processes that are forked from one that has used threads, two
threads take ten times as long as one.
"""

# ruff: noqa: E402
import gc

# A fifth of the time goes to collecting garbage among the imports, where there is none. The forked
# processes collect it again.
gc.disable()

import numpy as np
import torch

from lottery.kernels.distinct import distinct

# The first call of any compiled function makes Numba ready, which takes as long as a level.
distinct(torch.zeros(1, 1, dtype=torch.int64), np.full(1, -1))
