"""Where files come from (a mirror, an official address, the package index, the user), and what
reads them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fetched:
    """A downloaded file and where it came from."""

    path: Path
    origin: str
    """``mirror``, ``official address`` or ``package index``."""
    address: str
    """The official address, or the exact requirement. Also for a file from a mirror."""
    sha256: str

    def record(self) -> dict[str, str]:
        """What is written beside a table; without the path, which only this machine has."""
        return {
            "file": self.path.name,
            "origin": self.origin,
            "address": self.address,
            "sha256": self.sha256,
        }
