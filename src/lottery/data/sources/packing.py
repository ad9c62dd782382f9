"""What a user's file is called, and what it is: its ending, and whether it is packed."""

import gzip
import json
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO, cast

from lottery.data.sources.bounded import BoundedFile
from lottery.errors import LotteryError

GZIP = ".gz"
MAX_BYTES = 8 << 30
"""Of an unpacked file."""
_CHUNK = 1 << 20
_KINDS = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PAR1": "Parquet",
}
"""The first bytes of files that are not text."""


def ending(path: Path, endings: Collection[str], packed: Collection[str]) -> str:
    """Which of ``endings`` the name has, without regard to case; ``.csv`` of ``OWN.CSV.GZ``.

    Those of ``packed`` may be followed by ``.gz``. Raises LotteryError, with the way out, for
    another name.
    """
    stem, suffix = path, path.suffix.lower()
    if suffix == GZIP:
        stem = path.with_suffix("")
        suffix = stem.suffix.lower()
        choices = packed
    else:
        choices = endings
    if suffix in choices:
        return suffix
    names = f"the name must end in one of {', '.join(endings)}; a text file may be packed with gzip"
    names += f" ({', '.join(name + GZIP for name in packed)})"
    raise LotteryError(f"{path}: {_advice(path) or names}")


def content(path: Path, kind: str) -> bytes:
    """The bytes of the file, unpacked if its name ends in ``.gz``; ``kind`` is its ending.

    Raises LotteryError for a file that is packed in another way than its name says.
    """
    check(path, kind)
    return _unpacked(path) if path.suffix.lower() == GZIP else path.read_bytes()


def head(path: Path, kind: str, size: int) -> bytes:
    """The first ``size`` bytes of what :func:`content` returns, and its errors."""
    check(path, kind)
    try:
        with _opened(path) as file:
            return file.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from None


def check(path: Path, kind: str) -> None:
    """Raise LotteryError for a file that is packed in another way than its name says."""
    packing = sniff(path)
    if path.suffix.lower() == GZIP:
        if packing != "gzip":
            what = f"a {packing} file" if packing else "not packed"
            raise LotteryError(f"{path}: the name says gzip, but it is {what}; {_way_out(packing)}")
        return
    if packing == "gzip":
        raise LotteryError(f"{path}: packed with gzip; rename it to {path.name}{GZIP}")
    if packing and not (packing == "Parquet" and kind == ".parquet"):
        raise LotteryError(f"{path}: a {packing} file under another name; {_way_out(packing)}")


def sniff(path: Path) -> str | None:
    """``gzip``, ``zip``, ``Parquet``, ... by the file's first bytes; None for anything else."""
    with path.open("rb") as file:
        start = file.read(8)
    return next((kind for magic, kind in _KINDS.items() if start.startswith(magic)), None)


def _way_out(packing: str | None) -> str:
    if packing is None:
        return f"rename it without {GZIP}"
    if packing == "Parquet":
        return "rename it to end in .parquet"
    spreadsheet = ", or save the spreadsheet as CSV" if packing == "zip" else ""
    return f"unpack it{spreadsheet}"


def _advice(path: Path) -> str | None:
    """What to do with a file whose name has none of the endings; None if it cannot be told."""
    name = path.name.lower().removesuffix(GZIP)
    if not name.endswith((".json", ".ndjson")):
        packing = sniff(path)
        if packing in (None, "gzip"):
            return None
        return f"a {packing} file; {_way_out(packing)}"
    target = path.name[: len(name)].rpartition(".")[0] + ".jsonl" + path.name[len(name) :]
    if name.endswith(".ndjson") or _is_json_lines(path):
        return f"one JSON object per line is called JSONL here; rename it to {target}"
    return (
        f"write it with one JSON object per line, as {target} (in pandas: "
        f"to_json('{target}', orient='records', lines=True))"
    )


def _is_json_lines(path: Path) -> bool:
    """Whether the first line with anything in it is a JSON object."""
    try:
        with _opened(path) as file:
            while (line := file.readline(_CHUNK)) and not line.strip():
                pass
        return isinstance(json.loads(line), dict)
    except (OSError, EOFError, ValueError, RecursionError, zlib.error):
        return False


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if sniff(path) == "gzip" else path.open("rb")


def _unpacked(path: Path) -> bytes:
    try:
        with gzip.open(path) as unpacked:
            file = BoundedFile(path, cast(IO[bytes], unpacked), _CHUNK, MAX_BYTES)
            return b"".join(iter(lambda: file.read(_CHUNK), b""))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> LotteryError:
    return LotteryError(
        f"{path}: cannot be unpacked ({error}); it is truncated or damaged, pack it again"
    )
