"""Fast steps on a CPU: one module a kernel, each a function of tensors with its gradient.

Loops are compiled by Numba, once a machine (kept beside the source); matrix products go to oneDNN.
The models hold the same mathematics in plain PyTorch: it is what a GPU runs, and what the tests
compare each kernel with. A kernel's result does not depend on how many threads share its loops.
"""

from functools import partial
from typing import Any

import numba

jit: Any = partial(numba.njit, cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
"""Compile a function, a*b+c in one rounding; nothing else is reordered."""

loop: Any = partial(jit, parallel=True)
"""As :data:`jit`, for a function whose ``prange`` is shared by the threads."""


def set_threads(threads: int) -> None:
    """Share the kernels' loops between ``threads``, as far as this process has so many."""
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
