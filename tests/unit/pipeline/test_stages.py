"""What the scripts in stages/ have in common."""

import os
import subprocess
import sys

from helpers import ROOT

IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(f"stages.{name}")
    assert "numba" not in sys.modules, f"stages.{name} imports numba"
"""


def test_no_stage_imports_numba_before_it_knows_the_number_of_threads() -> None:
    """``cli.main`` says how many threads Numba may start, which Numba reads when it is imported.

    Told later, it raises an error on every machine whose number of cores is not that number.
    """
    names = sorted(path.stem for path in (ROOT / "stages").glob("*.py") if path.stem != "__init__")
    assert "export" in names
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
