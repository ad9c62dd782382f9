"""Check params.yaml and claims.yaml, and that everything they name exists.

This runs before DVC, and so does the stage check: DVC removes a stage's old outputs when it starts
the stage.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lottery.analysis import claims
from lottery.config import params
from lottery.config.schema import Params
from lottery.errors import LotteryError, clipped, one_line
from lottery.pipeline import numba_cache
from lottery.pipeline.check import check
from lottery.pipeline.cli import Parser
from lottery.storage import paths


def notes(settings: Params) -> Iterator[str]:
    """What experiments in a folder of their own will miss: files that neither Git nor DVC tracks.

    Nothing outside a Git repository, where there are no such experiments.
    """
    for name, corpus in settings.corpora.items():
        source = Path(corpus.source)
        if not corpus.is_file or source.is_absolute() or _git("rev-parse", "--git-dir"):
            continue
        # With 'dvc add', what Git tracks is the file .dvc beside the file or a folder around it.
        tracked = [source, *(Path(f"{path}.dvc") for path in (source, *source.parents))]
        if all(_git("ls-files", "--error-unmatch", str(path)) for path in tracked):
            path = clipped(one_line(corpus.source), 200)
            yield (
                f"corpora.{name}.source: neither Git nor DVC tracks {path}, so 'dvc exp run "
                f"--temp' and '--queue' will not find it; run 'git add {path}', or if it is large "
                f"'dvc add {path}' and 'git add {path}.dvc'"
            )


def _git(*arguments: str) -> int:
    """The exit status of a Git command; 1 where there is no Git."""
    try:
        return subprocess.run(["git", *arguments], capture_output=True, check=False).returncode
    except OSError:
        return 1


def main() -> None:
    """Check a parameter file, params.yaml by default."""
    parser = Parser("python -m tools.check", description=__doc__)
    parser.add_argument(
        "file",
        type=Path,
        nargs="?",
        default=paths.PARAMS,
        help=f"the file to check (default: {paths.PARAMS})",
    )
    arguments = parser.parse_args()
    numba_cache.ensure()
    try:
        settings = params.load(arguments.file)
        check(settings)
        claims.load(paths.CLAIMS)
    except LotteryError as error:
        sys.exit(f"error: {one_line(str(error))}")
    for note in notes(settings):
        print(f"note: {note}")


if __name__ == "__main__":
    main()
