"""Check params.yaml, and what it names, before DVC starts and removes a stage's old outputs."""

import argparse
import sys
from pathlib import Path

from lottery import params, paths, registry
from lottery.errors import LotteryError
from lottery.params import Params


def check(settings: Params, root: Path = Path()) -> None:
    """Raise LotteryError for a corpus, model, option or strategy that is not there."""
    for name, corpus in settings.corpora.items():
        source = Path(corpus.source)
        if not (root / source).is_file():
            known = [
                f"src/lottery/corpora/{known}.py" for known in registry.names("lottery.corpora")
            ]
            hint = registry.suggestion(corpus.source, known)
            raise LotteryError(f"corpora.{name}.source: {source} not found{hint}")
    for name, model in settings.models.items():
        module = registry.load("lottery.models", name, "model")
        params.options(model, module.Options, name)
    for name in settings.strategies:
        registry.load("lottery.pruning.strategies", name, "strategy")


def main() -> None:
    """Check the file given, params.yaml by default."""
    parser = argparse.ArgumentParser("python -m tools.check", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=paths.PARAMS)
    given = parser.parse_args()
    try:
        check(params.load(given.file))
    except LotteryError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
