"""Note which code each stage runs, a file a stage: only what a stage imports can rerun it.

DVC could be told every file instead. Its lock would have a hundred and fifty lines a stage more,
and DVC reads and writes all of it after each stage, which took three seconds.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grimp
from grimp.exceptions import SourceSyntaxError

from lottery import files, paths
from lottery.errors import LotteryError
from lottery.params import Params
from stages import _run

CHOSEN = {
    "download": ("lottery.corpora",),
    "train": ("lottery.models",),
    "prune": ("lottery.models", "lottery.pruning.strategies", "lottery.pruning.criteria"),
    "evaluate": ("lottery.models",),
    "branch": ("lottery.models", "lottery.pruning.controls"),
    "connectivity": ("lottery.models",),
}
"""Packages of which a stage loads the one module that params.yaml names. That one is in dvc.yaml
by itself; what any of them imports counts for all."""


def run(params: Params) -> None:
    """``data/code/<stage>.json``: the SHA-256 of each file that the stage imports.

    Raises LotteryError for a file that is no Python.
    """
    try:
        graph = grimp.build_graph("lottery", "stages", cache_dir=None)
    except SourceSyntaxError as error:
        raise LotteryError(f"{error}; mend it, or move it away") from None
    for script in sorted(Path("stages").glob("[!_]*.py")):
        if script.stem != "code":
            found = sorted(file_of(module) for module in modules(graph, script.stem))
            digests = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
            files.write_json(paths.code(script.stem), digests)


def modules(graph: Any, stage: str) -> set[str]:
    """The names of all modules that ``stage`` imports, itself too, but for those it chooses."""
    found = _closure(graph, f"stages.{stage}")
    for package in CHOSEN.get(stage, ()):
        chosen = graph.find_children(package)
        for module in chosen:
            found |= _closure(graph, module) - chosen
    return found


def file_of(module: str) -> Path:
    """The file of a module, from the root."""
    path = Path("src" if module.startswith("lottery") else "", *module.split("."))
    package = path / "__init__.py"
    return package if package.exists() else path.with_suffix(".py")


def _closure(graph: Any, module: str) -> set[str]:
    """The module, all it imports, and the packages around them, whose __init__ runs too."""
    found = {module, *graph.find_upstream_modules(module)}
    return found | {package for name in found for package in _packages(name)}


def _packages(module: str) -> Iterator[str]:
    while "." in module:
        module = module.rpartition(".")[0]
        yield module


if __name__ == "__main__":
    _run.main("code", __doc__, run)
