"""Fast steps on a CPU: one module per kernel, each a function of tensors with its gradient.

Loops are compiled by Numba once per machine, and the result is cached beside the source; matrix
products go to oneDNN. The models have the same computations in plain PyTorch, with what is in
:mod:`~lottery.kernels.selection`: a GPU runs those, and the tests compare each kernel with them. A
kernel's result does not depend on the number of threads.
"""

from functools import partial
from typing import Any

import numba

jit: Any = partial(numba.njit, cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
"""Compile a function, a*b+c in one rounding; nothing else is reordered."""

loop: Any = partial(jit, parallel=True)
"""Compile a function as :data:`jit` does, and share its ``prange`` loops between the threads."""


def set_threads(threads: int) -> None:
    """Share the kernels' loops between ``threads`` threads, or fewer if the process has fewer."""
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
