"""The pipeline's steps, run from the root as ``python -m stages.<name>``.

The library beside this package is put on the path here, not installed: an experiment that DVC
runs in a temporary tree then uses that tree's code.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
