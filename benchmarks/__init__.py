"""How fast the training core is, beside the 2020 procedure and a careful PyTorch user's.

Run from the root as ``python -m benchmarks``; the library beside it is put on the path here.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
