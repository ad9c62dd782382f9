"""What the Makefile runs beside DVC, from the root as ``python -m tools.<name>``.

The library is not installed but put on the path here, as in :mod:`stages`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
