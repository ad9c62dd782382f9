"""Where files come from: a mirror, an official address, the package index; and what opens them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fetched:
    """A file on this machine and where it came from."""

    path: Path
    origin: str
    """``mirror``, ``official address`` or ``package index``."""
    address: str
    """The official address or the exact requirement, whichever place the bytes came from."""
    sha256: str

    def record(self) -> dict[str, str]:
        """What is written beside a table: no path of this machine."""
        return {
            "file": self.path.name,
            "origin": self.origin,
            "address": self.address,
            "sha256": self.sha256,
        }
