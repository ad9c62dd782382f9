"""Check params.yaml, and that everything it names exists.

This runs before DVC, which removes a stage's old outputs when it starts the stage.
"""

import sys
from pathlib import Path

from lottery.config import params
from lottery.errors import LotteryError, one_line
from lottery.pipeline.check import check
from lottery.pipeline.cli import Parser
from lottery.storage import paths


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
    try:
        check(params.load(arguments.file))
    except LotteryError as error:
        sys.exit(f"error: {one_line(str(error))}")


if __name__ == "__main__":
    main()
