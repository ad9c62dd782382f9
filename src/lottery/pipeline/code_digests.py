"""Which code a stage runs, by its static imports: what changes of code rerun it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from lottery.pipeline import jobs
from lottery.pipeline.import_graph import ImportGraph
from lottery.storage import files

ROOT = Path(__file__).resolve().parents[3]
CHOSEN = {
    "check": (
        "lottery.corpora",
        "lottery.data.text.tokenizers",
        "lottery.models",
        "lottery.pruning.controls",
        "lottery.pruning.criteria",
        "lottery.pruning.strategies",
        "lottery.pruning.transfers",
    ),
    "check_corpus": ("lottery.corpora",),
    "download": ("lottery.corpora",),
    "tokenize": ("lottery.data.text.tokenizers",),
    "train": ("lottery.models",),
    "prune": ("lottery.models", "lottery.pruning.strategies", "lottery.pruning.criteria"),
    "evaluate": ("lottery.models",),
    "branch": ("lottery.models", "lottery.pruning.controls"),
    "connectivity": ("lottery.models",),
    "transfer": ("lottery.models", "lottery.pruning.transfers"),
    "export": ("lottery.models",),
}
"""Packages from which a stage loads only the module that params.yaml names. dvc.yaml lists that
module among the stage's deps. What any module of the package imports counts for the stage."""


def graph(types: bool) -> ImportGraph:
    """The imports of the packages ``lottery`` and ``stages``; with ``types``, those for type
    checking too."""
    return ImportGraph({"lottery": ROOT / "src" / "lottery", "stages": ROOT / "stages"}, types)


def modules(graph: ImportGraph, stage: str) -> set[str]:
    """The names of all modules that ``stage`` imports, including itself and its job, but without
    the modules that params.yaml chooses.

    ``graph`` has the packages ``lottery`` and ``stages``. A job is imported by name in a worker's
    process, so no import statement leads to it.
    """
    imported = closure(graph, f"stages.{stage}")
    job = f"{jobs.__name__}.{stage}"
    if job in graph.modules:
        imported |= closure(graph, job)
    for package in CHOSEN.get(stage, ()):
        choices = graph.children(package)
        for module in choices:
            imported |= closure(graph, module) - choices
    return imported


def closure(graph: ImportGraph, module: str) -> set[str]:
    """The module, all it imports, and the packages around them, whose ``__init__`` runs too."""
    imported = {module, *graph.upstream(module)}
    return imported | {package for name in imported for package in _packages(name)}


def file_of(module: str) -> Path:
    """The file of a module, from the root."""
    path = Path("src" if module.startswith("lottery") else "", *module.split("."))
    package = path / "__init__.py"
    return package if (ROOT / package).exists() else path.with_suffix(".py")


def digests(names: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of each module's file, by path, in the order of the paths."""
    paths = sorted(file_of(module) for module in names)
    return {str(path): files.digest(ROOT / path) for path in paths}


def _packages(module: str) -> Iterator[str]:
    while "." in module:
        module = module.rpartition(".")[0]
        yield module
