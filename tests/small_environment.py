"""An environment with some of this one's packages, what they require, and nothing else."""

import re
import subprocess
import venv
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement


def make(folder: Path, packages: Iterable[str]) -> Path:
    """The Python of a new environment in ``folder`` whose packages are links to those here.

    It takes a second, where installing them would take minutes and a package index.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    for name in sorted(closure(packages)):
        distribution = metadata.distribution(name)
        files = distribution.files
        assert files, name
        for top in sorted({file.parts[0] for file in files} - {"..", "__pycache__"}):
            if not (site / top).exists():
                (site / top).symlink_to(distribution.locate_file(top))
    return python


def closure(packages: Iterable[str]) -> set[str]:
    """``packages`` and all they require, by their normal names."""
    reached: set[str] = set()
    waiting = list(packages)
    while waiting:
        name = _normal(waiting.pop())
        if name in reached:
            continue
        reached.add(name)
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return reached


def installed(python: Path) -> set[str]:
    """The normal names of all packages that ``python`` has."""
    code = "from importlib import metadata as m; print(*{d.name for d in m.distributions()})"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    return {_normal(name) for name in done.stdout.split()}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
