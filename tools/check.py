"""Check params.yaml, and what it names, before DVC starts and removes a stage's old outputs."""

import sys
from pathlib import Path
from types import ModuleType

from lottery import params, paths, registry, strict
from lottery.errors import LotteryError
from lottery.params import Params
from lottery.sections import Corpus
from stages._run import Parser

MODULES = Path("src/lottery/corpora")


def check(settings: Params, root: Path = Path()) -> None:
    """Raise LotteryError for a corpus, model, option or strategy that is not there."""
    for name, corpus in settings.corpora.items():
        _check_source(name, corpus, root)
    for name, model in settings.models.items():
        module = _load("lottery.models", name, "model", f"models.{name}")
        params.options(model, module.Options, name)
    for place, name in enumerate(settings.strategies):
        _load("lottery.pruning.strategies", name, "strategy", f"strategies.{place}")
    if params.BRANCHED not in settings.strategies:
        raise LotteryError(
            f"strategies: '{params.BRANCHED}' is missing; controls and connectivity begin at it"
        )
    for place, name in enumerate(settings.controls):
        _load("lottery.pruning.controls", name, "control", f"controls.{place}")
        if name in settings.strategies:
            raise LotteryError(f"controls.{place}: '{name}' is among the strategies too")
    _load("lottery.pruning.criteria", settings.prune.criterion, "criterion", "prune.criterion")


def _check_source(name: str, corpus: Corpus, root: Path) -> None:
    """Raise LotteryError unless ``source`` is a file, and if it is a module, one of a corpus."""
    source = Path(corpus.source)
    what = "" if _is_file(root / source) else "not found"
    if not (what or corpus.is_file or (source.parent == MODULES and source.name[0] != "_")):
        what = f"not a corpus module; those lie in {MODULES}, and a file with text is no .py"
    if what:
        known = [str(MODULES / f"{known}.py") for known in registry.names("lottery.corpora")]
        hint = registry.suggestion(corpus.source, known)
        shown = strict.clipped(strict.one_line(corpus.source), 200)
        raise LotteryError(f"corpora.{name}.source: {shown} {what}{hint}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A name that is too long, or a folder that may not be entered.
        return False


def _load(package: str, name: str, what: str, key: str) -> ModuleType:
    """As ``registry.load``, with the key in the error."""
    try:
        return registry.load(package, name, what)
    except LotteryError as error:
        raise LotteryError(f"{key}: {error}") from None


def main() -> None:
    """Check the file given, params.yaml by default."""
    parser = Parser("python -m tools.check", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=paths.PARAMS)
    given = parser.parse_args()
    try:
        check(params.load(given.file))
    except LotteryError as error:
        sys.exit(f"error: {strict.one_line(str(error))}")


if __name__ == "__main__":
    main()
