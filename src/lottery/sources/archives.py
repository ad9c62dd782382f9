"""Members of archives, read in place: nothing is ever unpacked to disk."""

import posixpath
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lottery.errors import LotteryError

MAX_MEMBERS = 200_000
MAX_MEMBER_BYTES = 2 << 30
BROKEN = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError)


def read_tar(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of the members of a ``.tar.gz`` that are ``wanted``, in its order.

    Raises LotteryError for an archive that is broken, that has a member which climbs out, or that
    is larger than any corpus of ours (two bounds: members, and bytes of one member).
    """
    with _named(path), tarfile.open(path, "r:gz") as archive:
        for count, member in enumerate(archive):
            if count >= MAX_MEMBERS:
                raise LotteryError(f"{path}: more than {MAX_MEMBERS} members; refused")
            _check_name(path, member.name)
            if not (member.isfile() or member.isdir()):
                raise LotteryError(f"{path}: member {member.name!r} is a link or device; refused")
            _check_size(path, member.name, member.size)
            if member.isfile() and wanted(member.name):
                content = archive.extractfile(member)
                assert content is not None  # it is a regular file
                yield member.name, content.read()
        # The tar ends before the gzip does, whose checksum over it all stands at its end.
        assert archive.fileobj is not None
        while archive.fileobj.read(1 << 20):
            pass


@contextmanager
def open_zip_member(path: Path, name: str) -> Iterator[IO[bytes]]:
    """Open the member ``name`` of a zip for reading; its CRC is checked at the end of reading.

    Raises LotteryError if it is not there, stands twice, is encrypted, or is broken.
    """
    with _named(path), zipfile.ZipFile(path) as archive:
        found = [member for member in archive.infolist() if member.filename == name]
        if len(found) != 1:
            raise LotteryError(f"{path}: holds {len(found)} members named {name!r}, expected one")
        _check_name(path, name)
        _check_size(path, name, found[0].file_size)
        if found[0].flag_bits & 1:
            raise LotteryError(f"{path}: {name!r} is encrypted; refused")
        with archive.open(found[0]) as member:
            yield member


def read_zip_member(path: Path, name: str) -> bytes:
    """The bytes of one member of a zip; raises as :func:`open_zip_member`."""
    with open_zip_member(path, name) as member:
        return member.read()


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


def _check_size(path: Path, name: str, size: int) -> None:
    if size > MAX_MEMBER_BYTES:
        raise LotteryError(f"{path}: member {name!r} claims {size} bytes; refused")
