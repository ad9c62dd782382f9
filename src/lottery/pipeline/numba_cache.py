"""Where Numba keeps what it has compiled, if it cannot be beside the source."""

import os
import tempfile
from pathlib import Path

import lottery
from lottery.storage import paths

VARIABLE = "NUMBA_CACHE_DIR"


def ensure() -> None:
    """Set ``NUMBA_CACHE_DIR`` to ``.lottery/numba`` where the folder of the kernels is read-only.

    Otherwise Numba would use the user's home, and fail where that cannot be written either. It
    reads the variable when it is imported, in this process and in those that this one starts.
    """
    folder = Path(lottery.__file__).parent / "kernels" / "__pycache__"
    if VARIABLE not in os.environ and not _is_writable(folder):
        os.environ[VARIABLE] = str(paths.compiled().resolve())


def _is_writable(folder: Path) -> bool:
    """Whether a file can be made in ``folder``, as Numba finds out."""
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
