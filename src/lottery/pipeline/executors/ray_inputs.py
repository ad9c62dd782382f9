"""The files that units read, in Ray's object store, from which each node fetches them once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray

from lottery.storage import paths

if TYPE_CHECKING:
    from lottery.pipeline.units import Unit

INPUTS_MB = 2000
"""How much of them stays in the object store between units."""


class Inputs:
    """The files of units in the working tree ``tree``."""

    def __init__(self, tree: Path) -> None:
        self._tree = tree
        self._references: dict[str, tuple[int, Any]] = {}
        """Size and reference, by path; the one that was used last comes last."""

    def of(self, unit: Unit) -> list[str]:
        """The paths of the files that ``unit`` reads: those that decide its training, and what
        building its networks reads besides."""
        return sorted({*unit.inputs, *self._token_files(unit)})

    def _token_files(self, unit: Unit) -> Iterator[str]:
        """The token arrays of the unit's corpora; never the test documents."""
        corpora = {name for run in unit.runs for name in (run.run.corpus, run.run.source) if name}
        for corpus in corpora:
            for path in (self._tree / paths.tokens(corpus)).iterdir():
                if not path.name.startswith("test."):
                    yield str(path.relative_to(self._tree))

    def reference(self, path: str) -> Any:
        """A file in the object store; those that were not used for long make room for others."""
        size, reference = self._references.pop(path, (0, None))
        if reference is None:
            content = (self._tree / path).read_bytes()
            size, reference = len(content), ray.put(content)
        self._references[path] = size, reference
        while sum(size for size, _ in self._references.values()) > INPUTS_MB * 10**6:
            del self._references[next(iter(self._references))]
        return reference
