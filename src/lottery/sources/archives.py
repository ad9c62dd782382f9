"""Members of archives, read in place: nothing is ever unpacked to disk."""

import gzip
import io
import posixpath
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from lottery.errors import LotteryError

MAX_MEMBERS = 200_000
MAX_MEMBER_BYTES = 2 << 30
MAX_TOTAL_BYTES = 8 << 30
"""Of an unpacked ``.tar.gz``: the largest of ours, aclImdb, unpacks to half a gigabyte."""
MAX_WHOLE_BYTES = 512 << 20
"""Of a member that is read whole into memory."""
MAX_LIST_BYTES = 16 << 20
"""A zip's list of members: its entries take some fifty bytes each and a name."""
_CHUNK = 1 << 20
BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    zlib.error,
    NotImplementedError,
    ValueError,  # a header's number that is none, a name in no encoding, a place before the start
    struct.error,
    OverflowError,
)
"""What reading a damaged archive raises; of our own code only what runs inside is meant."""


def read_tar(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of the members of a ``.tar.gz`` that are ``wanted``, in its order.

    Raises LotteryError for an archive that is broken, that has a member which climbs out, or that
    is larger than any corpus of ours: in members, in bytes of one of them, or in all.
    """
    with _named(path), gzip.open(path) as unpacked:
        bounded = cast(
            IO[bytes], _Bounded(path, cast(IO[bytes], unpacked), _CHUNK, MAX_TOTAL_BYTES)
        )
        # Opened plain over our own gzip: what its headers have read into memory is bounded too.
        with tarfile.open(fileobj=bounded, mode="r:") as archive:
            count = 0
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # it keeps all it has seen
                count += 1
                if count > MAX_MEMBERS:
                    raise LotteryError(f"{path}: more than {MAX_MEMBERS} members; refused")
                _check_name(path, member.name)
                if not (member.isfile() or member.isdir()) or member.issparse():
                    raise LotteryError(
                        f"{path}: member {member.name!r} is a link, a device or has holes; refused"
                    )
                _check_size(path, member.name, member.size, MAX_MEMBER_BYTES)
                if member.isfile() and wanted(member.name):
                    _check_size(path, member.name, member.size, MAX_WHOLE_BYTES)
                    content = archive.extractfile(member)
                    assert content is not None  # it is a regular file
                    yield member.name, b"".join(iter(partial(content.read, _CHUNK), b""))
        # The tar ends before the gzip does, whose checksum over it all stands at its end.
        while bounded.read(_CHUNK):
            pass


@contextmanager
def open_zip_member(
    path: Path, name: str, most: int = MAX_MEMBER_BYTES
) -> Iterator[io.BufferedReader]:
    """Open the member ``name`` of a zip for reading; its CRC is checked at the end of reading.

    Raises LotteryError if it is not there, stands twice, is encrypted, is broken, or has more than
    ``most`` bytes.
    """
    with _opened_zip(path) as archive:
        with _named(path):
            found = [member for member in archive.infolist() if member.filename == name]
            if len(found) != 1:
                raise LotteryError(
                    f"{path}: holds {len(found)} members named {name!r}, expected one; "
                    "delete it and run again"
                )
            _check_name(path, name)
            _check_size(path, name, found[0].file_size, most)
            if found[0].flag_bits & 1:
                raise LotteryError(f"{path}: {name!r} is encrypted; refused")
            if found[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                # The others unpack a piece to any size before it can be counted.
                raise LotteryError(f"{path}: {name!r} is packed in an unusual way; refused")
            member = archive.open(found[0])
        with member:
            yield io.BufferedReader(_Member(path, member), 1 << 16)


def read_zip_member(path: Path, name: str) -> bytes:
    """The bytes of one member of a zip; raises as :func:`open_zip_member`."""
    with open_zip_member(path, name, MAX_WHOLE_BYTES) as member:
        return member.read()


def check(path: Path) -> None:
    """Raise LotteryError for a file that is not a whole archive, if its name says it is one.

    A ``.gz`` or ``.tgz`` is read to its checksum; of a ``.zip`` the list at its end.
    """
    if path.suffix == ".zip":
        with _opened_zip(path):
            pass
    elif path.suffix in (".gz", ".tgz"):
        with _named(path), gzip.open(path) as unpacked:
            bounded = _Bounded(path, cast(IO[bytes], unpacked), _CHUNK, MAX_TOTAL_BYTES)
            while bounded.read(_CHUNK):
                pass


@contextmanager
def _opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    with _named(path):
        file = path.open("rb")
    with file:
        with _named(path):
            # Opening reads the list of members whole, however long it says it is.
            bounded = _Bounded(path, file, MAX_LIST_BYTES, path.stat().st_size)
            archive = zipfile.ZipFile(cast(IO[bytes], bounded))
        with archive:
            yield archive


class _Bounded:
    """A file that refuses to be read ``piece`` bytes at once, or beyond its byte ``total``.

    What a hostile header claims becomes an argument here, before anything is allocated for it.
    """

    def __init__(self, path: Path, file: IO[bytes], piece: int, total: int) -> None:
        self._path, self._file, self._piece, self._total = path, file, piece, total

    def read(self, size: int = -1) -> bytes:
        if size == -1:  # all that is left
            size = min(self._piece, self._total - self._file.tell())
        if size < 0:
            raise ValueError("a size below zero")
        if size > self._piece:
            raise LotteryError(f"{self._path}: wants {size} bytes of memory at once; refused")
        self._check_place(self._file.tell())
        return self._file.read(size)

    def seek(self, place: int, whence: int = 0) -> int:
        if whence == 0:
            self._check_place(place)
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """Left to whoever opened the file."""

    def _check_place(self, place: int) -> None:
        if place < 0:
            raise ValueError("a place before the start")
        if place > self._total:
            raise LotteryError(f"{self._path}: unpacks to over {self._total} bytes; refused")


class _Member(io.RawIOBase):
    """A zip's member, unpacked a piece at a time; what is broken in it names the archive."""

    def __init__(self, path: Path, member: IO[bytes]) -> None:
        self._path, self._member = path, member

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _named(self._path):
            piece = self._member.read(min(len(buffer), _CHUNK))
        buffer[: len(piece)] = piece
        return len(piece)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn what a broken archive raises into one line that names it."""
    try:
        yield
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found") from None
    except BROKEN as error:
        raise LotteryError(
            f"{path}: truncated or broken archive ({error}); delete it and run again"
        ) from None
    except OSError as error:
        if error.errno is not None:  # the disk's fault, not the archive's
            raise
        raise LotteryError(f"{path}: not a gzip archive ({error}); delete it, run again") from None


def _check_name(path: Path, name: str) -> None:
    inside = posixpath.normpath(name.replace("\\", "/"))
    if inside.startswith(("/", "../")) or inside == ".." or inside[1:2] == ":":
        raise LotteryError(f"{path}: member {name!r} climbs out of the archive; refused")


def _check_size(path: Path, name: str, size: int, most: int) -> None:
    if not 0 <= size <= most:
        raise LotteryError(f"{path}: member {name!r} claims {size} bytes; refused")
