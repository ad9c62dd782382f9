"""Members of archives, read in place: nothing is ever unpacked to disk."""

import gzip
import io
import posixpath
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from lottery.data.sources.bounded import BoundedFile, naming
from lottery.errors import LotteryError

MAX_MEMBERS = 200_000
MAX_MEMBER_BYTES = 2 << 30
MAX_TOTAL_BYTES = 8 << 30
"""Of an unpacked ``.tar.gz``: the largest of ours, aclImdb, unpacks to half a gigabyte."""
MAX_WHOLE_BYTES = 512 << 20
"""Of a member that is read into memory as a whole."""
MAX_LIST_BYTES = 16 << 20
"""Of a zip's list of members: each takes some fifty bytes and its name."""
_CHUNK = 1 << 20


def read_tar(path: Path, is_wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the members of a ``.tar.gz`` for which ``is_wanted(name)``.

    In the archive's order. Raises LotteryError for an archive that is damaged, that has a member
    whose name points outside, or that is too large: in members, in bytes of one, or in all.
    """
    with naming(path), gzip.open(path) as unpacked:
        file = BoundedFile(path, cast(IO[bytes], unpacked), _CHUNK, MAX_TOTAL_BYTES)
        # As a plain tar over our own gzip, so that what its headers read into memory is bounded.
        with tarfile.open(fileobj=cast(IO[bytes], file), mode="r:") as archive:
            count = 0
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # it would keep them all
                count += 1
                if count > MAX_MEMBERS:
                    raise LotteryError(f"{path}: more than {MAX_MEMBERS} members; refused")
                _check_member(path, member)
                if member.isfile() and is_wanted(member.name):
                    _check_size(path, member.name, member.size, MAX_WHOLE_BYTES)
                    content = archive.extractfile(member)
                    assert content is not None  # it is a regular file
                    yield member.name, b"".join(iter(partial(content.read, _CHUNK), b""))
        _read_to_end(file)  # past the tar's end, to the gzip's checksum


@contextmanager
def open_zip_member(
    path: Path, name: str, max_bytes: int = MAX_MEMBER_BYTES
) -> Iterator[io.BufferedReader]:
    """Open the member ``name`` of a zip for reading; its CRC is checked at the end of reading.

    Raises LotteryError for a member that is missing, appears twice, is encrypted, is damaged, or
    has more than ``max_bytes`` bytes.
    """
    with _open_zip(path) as archive:
        with naming(path):
            members = [member for member in archive.infolist() if member.filename == name]
            if len(members) != 1:
                raise LotteryError(
                    f"{path}: contains {len(members)} members named {name!r}, expected one; "
                    "delete it and run again"
                )
            _check_name(path, name)
            _check_size(path, name, members[0].file_size, max_bytes)
            if members[0].flag_bits & 1:
                raise LotteryError(f"{path}: member {name!r} is encrypted; refused")
            if members[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                # Other methods unpack a piece to any size before it can be counted.
                raise LotteryError(
                    f"{path}: member {name!r} has an unsupported compression method; refused"
                )
            file = archive.open(members[0])
        with file:
            yield io.BufferedReader(_ZipMember(path, file), 1 << 16)


def read_zip_member(path: Path, name: str) -> bytes:
    """The content of one member of a zip. Raises LotteryError as :func:`open_zip_member`."""
    with open_zip_member(path, name, MAX_WHOLE_BYTES) as member:
        return member.read()


def check(path: Path) -> None:
    """Raise LotteryError for a damaged archive, if the file's name says that it is one.

    A ``.gz`` or ``.tgz`` is read to its checksum; of a ``.zip``, the list at its end is read.
    """
    if path.suffix == ".zip":
        with _open_zip(path):
            pass
    elif path.suffix in (".gz", ".tgz"):
        with naming(path), gzip.open(path) as unpacked:
            _read_to_end(BoundedFile(path, cast(IO[bytes], unpacked), _CHUNK, MAX_TOTAL_BYTES))


def _read_to_end(file: BoundedFile) -> None:
    while file.read(_CHUNK):
        pass


@contextmanager
def _open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    with naming(path):
        file = path.open("rb")
    with file:
        with naming(path):
            # zipfile reads the whole list of members at once, however long the file says it is.
            bounded = BoundedFile(path, file, MAX_LIST_BYTES, path.stat().st_size)
            archive = zipfile.ZipFile(cast(IO[bytes], bounded))
        with archive:
            yield archive


class _ZipMember(io.RawIOBase):
    """A zip's member, unpacked a piece at a time, whose errors name the archive."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path, self._file = path, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with naming(self._path):
            piece = self._file.read(min(len(buffer), _CHUNK))
        buffer[: len(piece)] = piece
        return len(piece)


def _check_member(path: Path, member: tarfile.TarInfo) -> None:
    """Raise LotteryError for a member of a tar that is not a plain file or folder inside it."""
    _check_name(path, member.name)
    if not (member.isfile() or member.isdir()) or member.issparse():
        raise LotteryError(
            f"{path}: member {member.name!r} is a link, a device or a sparse file; refused"
        )
    _check_size(path, member.name, member.size, MAX_MEMBER_BYTES)


def _check_name(path: Path, name: str) -> None:
    normal = posixpath.normpath(name.replace("\\", "/"))
    if normal.startswith(("/", "../")) or normal == ".." or normal[1:2] == ":":
        raise LotteryError(f"{path}: member {name!r} points outside the archive; refused")


def _check_size(path: Path, name: str, size: int, max_bytes: int) -> None:
    if not 0 <= size <= max_bytes:
        raise LotteryError(
            f"{path}: member {name!r} claims {size} bytes, at most {max_bytes}; refused"
        )
