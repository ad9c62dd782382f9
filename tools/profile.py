"""Put a profile in the place of params.yaml; edits that are not a profile are not overwritten."""

import sys
from pathlib import Path

from lottery import paths
from stages._run import Parser

PROFILES = Path("profiles")


def main() -> None:
    """``python -m tools.profile NAME``, of those in ``profiles/``."""
    profiles = {path.stem: path.read_bytes() for path in sorted(PROFILES.glob("*.yaml"))}
    parser = Parser("python -m tools.profile", description=__doc__)
    parser.add_argument("name", choices=list(profiles))
    name = parser.parse_args().name
    if paths.PARAMS.exists() and paths.PARAMS.read_bytes() not in profiles.values():
        sys.exit(
            f"error: {paths.PARAMS} has changes of yours; 'git checkout {paths.PARAMS}', or save "
            f"it as a profile: cp {paths.PARAMS} {PROFILES}/mine.yaml"
        )
    paths.PARAMS.write_bytes(profiles[name])
    print(f"{paths.PARAMS} is now the profile '{name}'; 'make repro PROFILE=quick' goes back")


if __name__ == "__main__":
    main()
