"""Replace params.yaml with a profile, unless it has been edited."""

import sys
from pathlib import Path

from lottery.pipeline.cli import Parser
from lottery.storage import paths

PROFILES = Path("profiles")


def main() -> None:
    """``python -m tools.profile NAME``: switch to the profile ``profiles/NAME.yaml``."""
    profiles = {path.stem: path.read_bytes() for path in sorted(PROFILES.glob("*.yaml"))}
    parser = Parser("python -m tools.profile", description=__doc__)
    parser.add_argument(
        "name", choices=list(profiles), help=f"a file in {PROFILES}/, without .yaml"
    )
    name = parser.parse_args().name
    if paths.PARAMS.exists() and paths.PARAMS.read_bytes() not in profiles.values():
        sys.exit(
            f"error: {paths.PARAMS} has been edited; undo it with 'git checkout {paths.PARAMS}', "
            f"or save it as a profile first: cp {paths.PARAMS} {PROFILES}/mine.yaml"
        )
    paths.PARAMS.write_bytes(profiles[name])
    print(f"{paths.PARAMS} is now the profile '{name}'; 'make repro PROFILE=quick' switches back")


if __name__ == "__main__":
    main()
