"""Put a profile in the place of params.yaml; edits that git does not have are not overwritten."""

import argparse
import subprocess
import sys
from pathlib import Path

from lottery import paths

PROFILES = Path("profiles")


def main() -> None:
    """``python -m tools.profile NAME``; ``quick`` is the params.yaml that is committed."""
    names = ["quick", *sorted(path.stem for path in PROFILES.glob("*.yaml"))]
    parser = argparse.ArgumentParser("python -m tools.profile", description=__doc__)
    parser.add_argument("name", choices=names)
    name = parser.parse_args().name
    committed = _git("show", f"HEAD:{paths.PARAMS}")
    wanted = committed if name == "quick" else (PROFILES / f"{name}.yaml").read_bytes()
    ours = {committed, *(path.read_bytes() for path in PROFILES.glob("*.yaml"))}
    if paths.PARAMS.read_bytes() not in ours:
        sys.exit(
            f"error: {paths.PARAMS} has changes of yours; commit them, or 'git checkout "
            f"{paths.PARAMS}', or save it as a profile: cp {paths.PARAMS} {PROFILES}/mine.yaml"
        )
    paths.PARAMS.write_bytes(wanted)
    print(f"{paths.PARAMS} is now the profile '{name}'; 'make repro PROFILE=quick' goes back")


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], check=True, capture_output=True).stdout


if __name__ == "__main__":
    main()
