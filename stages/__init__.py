"""The stages of the pipeline, run from the root as ``python -m stages.<name>``.

The library is not installed but put on the path here, so that an experiment that DVC runs in a
temporary tree uses that tree's code.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
