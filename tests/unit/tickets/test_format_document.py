"""``docs/ticket-format.md`` is enough to read a ticket: here with nothing but a JSON and a zlib
library, as a program in C would."""

import hashlib
import json
import struct
import zlib

import numpy as np
import pytest
import ticket_networks

from lottery.tickets import export, format, word_list

DTYPES = {"U8": np.uint8, "I8": np.int8, "F16": np.float16, "F32": np.float32}


def read(content: bytes) -> tuple[str, dict[str, np.ndarray]]:
    """The string ``ticket``, and the arrays, of a safetensors file."""
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    text = header.pop("__metadata__")["ticket"]
    body = content[8 + size :]
    arrays = {
        name: np.frombuffer(body[slice(*about["data_offsets"])], DTYPES[about["dtype"]])
        for name, about in header.items()
    }
    return text, arrays


def numbers(packed: np.ndarray) -> list[int]:
    """Counts or gaps: 255 for each byte 255, then the rest."""
    result, total = [], 0
    for byte in zlib.decompress(packed.tobytes()):
        total += byte
        if byte != 255:
            result.append(total)
            total = 0
    return result


def dense(arrays: dict[str, np.ndarray], name: str, width: int) -> np.ndarray:
    """A matrix, float32."""
    counts, gaps = (numbers(arrays[f"{name}.{end}"]) for end in ("counts", "columns"))
    values = iter(arrays[f"{name}.values"].astype(np.float32).tolist())
    rest = iter(gaps)
    matrix = np.zeros((len(counts), width), np.float32)
    for row, count in enumerate(counts):
        column = -1
        for _ in range(count):
            column += 1 + next(rest)
            matrix[row, column] = next(values)
        if f"{name}.scales" in arrays:
            matrix[row] *= np.float32(arrays[f"{name}.scales"][row])
    assert list(rest) == list(values) == []
    return matrix


def words(packed: np.ndarray) -> list[str]:
    """The words, each of which shares its beginning with the one before."""
    content, result, before, position = zlib.decompress(packed.tobytes()), [], b"", 0
    while position < len(content):
        end = content.index(b"\n", position + 1)
        before = before[: content[position]] + content[position + 1 : end]
        result.append(before.decode())
        position = end + 1
    return result


def test_the_byte_before_a_word_may_be_a_line_feed() -> None:
    shared = ["abcdefghijk", "abcdefghijl"]
    assert words(word_list.encode(shared)) == shared


@pytest.mark.parametrize("values", ["float32", "float16", "int8"])
@pytest.mark.parametrize("model", ["cnn", "lstm"])
def test_a_reader_written_from_the_document(model: str, values: str) -> None:
    contents = export.contents(ticket_networks.make(model).network, values)
    text, arrays = read(format.to_bytes(contents))
    about = json.loads(text)
    assert (about["format"], about["version"], about["values"]) == ("lottery ticket", 1, values)
    assert words(arrays["words"]) == contents.words
    assert len(contents.words) == about["words"]
    bounds = {"float32": 0, "float16": 1e-3, "int8": 1 / 127}
    for name, matrix in contents.matrices.items():
        expected = matrix.dense()
        actual = dense(arrays, name, expected.shape[1])
        assert about["entries"][name] == len(matrix.values)
        largest = np.abs(expected).max(initial=0)
        np.testing.assert_allclose(actual, expected, atol=bounds[values] * largest, rtol=0)
    digest = hashlib.sha256(text.replace(about["sha256"], "0" * 64).encode())
    for name in sorted(arrays):
        digest.update(name.encode() + arrays[name].tobytes())
    assert digest.hexdigest() == about["sha256"]
