"""The names of files near one that does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from lottery.errors import clipped, one_line

MAX_FILES = 10_000
"""Of a folder; the others are not looked at."""


def suggestion(path: Path, endings: Iterable[str], root: Path, others: Iterable[str] = ()) -> str:
    """The end of an error about a missing file: a file with one of ``endings`` whose name is most
    like that of ``path``, or one of ``others``; empty if none is like it.

    Files in the same folder, in ``root`` and in ``root``'s ``data`` are looked at.
    """
    folders = dict.fromkeys((path.parent, Path(), Path("data")))
    files = [file for folder in folders for file in _files(root, folder, tuple(endings))]
    same_name = [file for file in files if Path(file).name.casefold() == path.name.casefold()]
    closest = same_name or get_close_matches(str(path), [*files, *others], n=1)
    if not closest:
        names = {Path(file).name: file for file in files}
        closest = [names[name] for name in get_close_matches(path.name, names, n=1)]
    return f"; did you mean '{clipped(one_line(closest[0]), 200)}'?" if closest else ""


def _files(root: Path, folder: Path, endings: tuple[str, ...]) -> list[str]:
    """The files in ``folder``, from ``root``; none if there is no such folder."""
    try:
        entries = sorted((root / folder).iterdir())[:MAX_FILES]
        return [
            str(folder / entry.name)
            for entry in entries
            if entry.name.lower().endswith(endings) and entry.is_file()
        ]
    except OSError:
        return []
