"""How fast training is, compared with the 2020 study's code and with careful plain PyTorch.

Run from the root as ``python -m benchmarks``; the library beside it is put on the path here.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lottery.pipeline import numba_cache

numba_cache.ensure()
