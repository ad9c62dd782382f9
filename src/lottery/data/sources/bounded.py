"""Reading an archive that may be damaged or hostile: in bounded memory, with errors that name
it."""

import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lottery.errors import LotteryError

_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    zlib.error,
    NotImplementedError,
    ValueError,  # an invalid number or name in a header, or an offset before the start
    struct.error,
    OverflowError,
)
"""What Python's modules raise when they read a damaged archive."""


class BoundedFile:
    """A file that refuses to read more than ``piece`` bytes at once, or beyond byte ``total``.

    A size that a hostile header claims is an argument here, before any memory is allocated for it.
    Raises LotteryError, which names ``path``, and ValueError for negative sizes and offsets.
    """

    def __init__(self, path: Path, file: IO[bytes], piece: int, total: int) -> None:
        self._path, self._file, self._piece, self._total = path, file, piece, total

    def read(self, size: int = -1) -> bytes:
        if size == -1:  # everything up to the end
            size = min(self._piece, self._total - self._file.tell())
        if size < 0:
            raise ValueError("negative size")
        if size > self._piece:
            raise LotteryError(
                f"{self._path}: a header asks for {size} bytes of memory at once; refused"
            )
        self._check_offset(self._file.tell())
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 0:
            self._check_offset(offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """Do nothing: whoever opened the file closes it."""

    def _check_offset(self, offset: int) -> None:
        if offset < 0:
            raise ValueError("negative offset")
        if offset > self._total:
            raise LotteryError(f"{self._path}: unpacks to more than {self._total} bytes; refused")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn what a damaged archive raises in the block into a LotteryError that names ``path``."""
    try:
        yield
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found") from None
    except _DAMAGED as error:
        raise LotteryError(
            f"{path}: truncated or damaged archive ({error}); delete it and run again"
        ) from None
    except OSError as error:
        if error.errno is not None:  # the disk's fault, not the archive's
            raise
        raise LotteryError(f"{path}: not a gzip archive ({error}); delete it, run again") from None
