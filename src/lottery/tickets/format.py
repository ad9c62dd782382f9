"""The file of a ticket, written and read; ``docs/ticket-format.md`` describes each array."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from lottery.errors import LotteryError, clipped, one_line
from lottery.tickets import compressed_rows, header, word_list
from lottery.tickets.compressed_rows import SparseMatrix
from lottery.tickets.header import Header

MAX_FILE = 1 << 31
_HEADER, _WORDS = "ticket", "words"
_DTYPES = {"float32": np.float32, "float16": np.float16, "int8": np.int8}


class Unsuitable(LotteryError):
    """A network that a ticket cannot contain."""


@dataclass(frozen=True)
class Contents:
    """All that is in a file."""

    header: Header
    words: list[str]
    """In rising order of their UTF-8 bytes; word n has row n + 1 of the embedding, ``<unk>`` 0."""
    matrices: dict[str, SparseMatrix]
    vectors: dict[str, np.ndarray]
    """float32."""


def to_bytes(contents: Contents) -> bytes:
    """The file's bytes; the same contents give the same bytes.

    Raises Unsuitable for a value that ``header.values`` cannot hold, or a network too large.
    """
    arrays = {_WORDS: word_list.encode(contents.words)}
    for name, matrix in contents.matrices.items():
        counts, columns = compressed_rows.encode(matrix)
        arrays |= {f"{name}.counts": counts, f"{name}.columns": columns}
        for end, array in _store(matrix, contents.header.values).items():
            if not np.isfinite(array).all():
                raise Unsuitable(
                    f"{name} contains a value that {contents.header.values} cannot hold; "
                    "store values as float32"
                )
            arrays[f"{name}.{end}"] = array
    arrays |= contents.vectors
    text = contents.header.to_json()
    try:
        header.parse(text)
    except ValueError as error:
        raise Unsuitable(f"this network does not fit a ticket: {error}") from None
    text = contents.header.to_json(digest(text, arrays))
    return bytes(safetensors.numpy.save(arrays, {_HEADER: text}))


def words_bytes(contents: Contents) -> int:
    """How many of the file's bytes are words."""
    return len(word_list.encode(contents.words))


def read(path: Path) -> Contents:
    """The ticket in ``path``.

    Raises LotteryError in one line for a file that is missing, damaged, or not a ticket. Whatever
    is in it, no code is run and no more memory is taken than its contents need.
    """
    try:
        size = path.stat().st_size
        if size == 0 and path.is_file():
            raise LotteryError(f"{path}: empty: its cell has no network that a ticket can contain")
        if size > MAX_FILE:
            raise ValueError(f"larger than {MAX_FILE:,} bytes")
        return _parse(path)
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found") from None
    except OSError as error:
        raise LotteryError(f"{path}: {error.strerror or error}") from None
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError) as error:
        reason = clipped(one_line(str(error)), 200)
        raise LotteryError(f"{path}: not a ticket, or damaged: {reason}; export it again") from None
    except MemoryError:
        raise LotteryError(f"{path}: this machine has too little memory for it") from None


def _parse(path: Path) -> Contents:
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        if _HEADER not in metadata:
            raise ValueError("a safetensors file without a ticket's metadata")
        # Before any array is read: another version may have other arrays.
        text = metadata[_HEADER]
        parsed, expected = header.parse(text)
        _check_names(parsed, set(file.keys()))
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if digest(text.replace(expected, header.NO_DIGEST, 1), arrays) != expected:
        raise ValueError("its digest does not match its contents")
    words = word_list.decode(_flat(arrays, _WORDS, np.uint8), parsed.words)
    matrices = {
        name: _matrix(arrays, name, shape, parsed) for name, shape in parsed.matrices().items()
    }
    vectors = {
        name: _flat(arrays, name, np.float32, length) for name, length in parsed.vectors().items()
    }
    return Contents(parsed, words, matrices, vectors)


def _check_names(parsed: Header, actual: set[str]) -> None:
    ends = ("counts", "columns", "values", *(["scales"] if parsed.values == "int8" else []))
    expected = {f"{name}.{end}" for name in parsed.matrices() for end in ends}
    expected |= {_WORDS, *parsed.vectors()}
    for name in sorted(actual ^ expected):
        raise ValueError(f"'{name}' is " + ("missing" if name in expected else "no array of it"))


def _matrix(
    arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, int], parsed: Header
) -> SparseMatrix:
    entries = parsed.entries[name]
    stored = _flat(arrays, f"{name}.values", _DTYPES[parsed.values], entries)
    packed = [_flat(arrays, f"{name}.{end}", np.uint8) for end in ("counts", "columns")]
    try:
        starts, columns = compressed_rows.decode(shape, entries, packed[0], packed[1])
    except ValueError as error:
        raise ValueError(f"'{name}': {error}") from None
    values = stored.astype(np.float32)
    if parsed.values == "int8":
        scales = _flat(arrays, f"{name}.scales", np.float16, shape[0]).astype(np.float32)
        values *= np.repeat(scales, np.diff(starts))
    return SparseMatrix(shape, starts, columns, values)


def _flat(
    arrays: Mapping[str, np.ndarray], name: str, dtype: type, length: int | None = None
) -> np.ndarray:
    """The array ``name``. Raises ValueError unless it has one dimension, this dtype and length, and
    is finite."""
    array = arrays[name]
    if array.ndim != 1 or array.dtype != dtype or length not in (None, len(array)):
        expected = f"{np.dtype(dtype)} [{'any' if length is None else length}]"
        raise ValueError(f"'{name}' is {array.dtype} {list(array.shape)}, expected {expected}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"'{name}' contains a number that is not finite")
    return array


def _store(matrix: SparseMatrix, values: str) -> dict[str, np.ndarray]:
    """The arrays ``values``, and for int8 ``scales``: a value is its scale times its number."""
    if values != "int8":
        with np.errstate(over="ignore"):  # infinity, which the caller refuses
            return {"values": matrix.values.astype(_DTYPES[values])}
    counts = np.diff(matrix.starts)
    scales = np.zeros(matrix.shape[0], np.float16)
    if len(matrix.values):
        largest = np.maximum.reduceat(np.abs(matrix.values), matrix.starts[:-1][counts > 0])
        with np.errstate(over="ignore"):
            smallest = np.finfo(np.float16).smallest_subnormal
            scales[counts > 0] = np.maximum((largest / 127).astype(np.float16), smallest)
    exact = matrix.values / np.repeat(scales.astype(np.float32), counts)
    return {"values": np.clip(np.rint(exact), -127, 127).astype(np.int8), "scales": scales}


def digest(text: str, arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of the header's ``text`` with :data:`lottery.tickets.header.NO_DIGEST` in it, and, in
    the order of their names, of each array's name and bytes."""
    result = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        result.update(name.encode())
        result.update(np.ascontiguousarray(arrays[name]).tobytes())
    return result.hexdigest()
