"""Hostile ticket files are refused in one line, and take no memory."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ticket_networks
from helpers import ROOT, refused
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from lottery.errors import LotteryError
from lottery.tickets import Ticket, compressed_rows, format
from lottery.tickets.header import NO_DIGEST

GOOD = {
    (model, values): ticket_networks.to_bytes(ticket_networks.make(model).network, values)
    for model in ("cnn", "lstm")
    for values in ("float32", "int8")
}
CNN = GOOD["cnn", "float32"]
Change = Callable[[dict[str, Any], dict[str, np.ndarray]], None]


def changed(change: Change, content: bytes = CNN) -> bytes:
    """The ticket with another header or other arrays, and the right digest of them."""
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["ticket"])
    arrays = load(content)
    header["sha256"] = NO_DIGEST
    change(header, arrays)
    text = json.dumps(header)
    return save(arrays, {"ticket": text.replace(NO_DIGEST, format.digest(text, arrays), 1)})


def read(content: bytes, folder: Path) -> Ticket:
    path = folder / "hostile.ticket"
    path.write_bytes(content)
    return Ticket.load(path)


def test_a_changed_ticket_that_is_right_is_read(tmp_path: Path) -> None:
    """So that the refusals below are for what they say."""

    def rename(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        header["classes"] = ["x", "y", "z"]

    assert read(changed(rename), tmp_path).classes == ("x", "y", "z")


def set_key(*path: Any) -> Change:
    *keys, last, value = path

    def change(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        for key in keys:
            header = header[key]
        header[last] = value

    return change


def set_array(name: str, value: Any) -> Change:
    def change(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        arrays[name] = value(arrays[name]) if callable(value) else value

    return change


def drop_array(name: str) -> Change:
    def change(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        del arrays[name]

    return change


def with_nan(array: np.ndarray) -> np.ndarray:
    array[1] = np.nan
    return array


BOMB = compressed_rows.deflate(bytes(300_000_000))
HOSTILE: dict[str, tuple[Change, str]] = {
    "another version": (set_key("version", 2), "version"),
    "a version that is no number": (set_key("version", "1"), "version"),
    "another format": (set_key("format", "model"), "format"),
    "an unknown model": (set_key("model", "name", "transformer"), "model.name"),
    "a huge dim": (set_key("model", "dim", 10**12), "dim"),
    "a smaller dim": (set_key("model", "dim", 2), "embedding"),
    "huge filters": (set_key("model", "filters", [10**9, 4, 4]), "filters"),
    "many filters": (set_key("model", "filters", [10_000, 10_000, 10_000]), "conv3_weight"),
    "no filters": (set_key("model", "filters", []), "filters"),
    "the same width twice": (set_key("model", "widths", [3, 3, 5]), "filters"),
    "a boolean": (set_key("words", True), "words"),
    "huge words": (set_key("words", 10**15), "words"),
    "fewer words": (set_key("words", 25), "words"),
    "huge entries": (set_key("entries", "embedding", 10**18), "entries.embedding"),
    "other entries": (set_key("entries", "embedding", 20), "embedding.values"),
    "negative entries": (set_key("entries", "embedding", -1), "embedding"),
    "entries of another matrix": (set_key("entries", "more", 0), "entries"),
    "another digest": (set_key("sha256", "1" * 64), "digest"),
    "no digest": (set_key("sha256", None), "sha256"),
    "one class": (set_key("classes", ["x"]), "classes"),
    "more classes": (set_key("classes", ["a", "b", "c", "d"]), "output"),
    "classes that are numbers": (set_key("classes", [1, 2, 3]), "classes"),
    "an unknown tokenizer": (set_key("tokenizer", "os"), "tokenizer"),
    "unknown values": (set_key("values", "float64"), "values"),
    "other values": (set_key("values", "float16"), "values"),
    "negative max_tokens": (set_key("max_tokens", -1), "max_tokens"),
    "nothing": (set_key("weights", None), "weights"),
    "NaN": (set_array("embedding.values", with_nan), "not finite"),
    "NaN in a bias": (set_array("conv3_bias", with_nan), "not finite"),
    "another shape": (set_array("output_bias", np.zeros((3, 1), np.float32)), "output_bias"),
    "another length": (set_array("output_bias", np.zeros(2, np.float32)), "output_bias"),
    "another dtype": (set_array("output_bias", np.zeros(3)), "output_bias"),
    "a bomb of columns": (set_array("embedding.columns", BOMB), "more than"),
    "a bomb of counts": (set_array("embedding.counts", BOMB), "more than"),
    "a bomb of words": (set_array("words", BOMB), "more than"),
    "columns cut short": (set_array("embedding.columns", lambda array: array[:-3]), "cut short"),
    "columns of another matrix": (
        set_array("embedding.columns", compressed_rows.deflate(b"\5" * 9)), "columns"
    ),
    "no array": (drop_array("conv4_weight.counts"), "missing"),
    "one more array": (set_array("more", np.zeros(3, np.uint8)), "no array of it"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_contents(name: str, tmp_path: Path) -> None:
    change, word = HOSTILE[name]
    refused(lambda: read(changed(change), tmp_path), "hostile.ticket", word, "export it again")


@pytest.mark.parametrize("model", ["cnn", "lstm"])
@pytest.mark.parametrize("values", ["float32", "int8"])
def test_truncated_anywhere(model: str, values: str, tmp_path: Path) -> None:
    content = GOOD[model, values]
    for length in range(0, len(content), 61):
        refused(lambda length=length: read(content[:length], tmp_path), "hostile.ticket")  # type: ignore[misc]


@given(st.integers(0, len(CNN) - 1), st.integers(1, 255))
@settings(max_examples=150)
def test_one_changed_byte(
    tmp_path_factory: pytest.TempPathFactory, position: int, difference: int
) -> None:
    """Every byte is under the digest, or decides whether the file can be read at all."""
    content = bytearray(CNN)
    content[position] ^= difference
    folder = tmp_path_factory.mktemp("changed")
    try:
        ticket = read(bytes(content), folder)
    except LotteryError as error:
        assert "\n" not in str(error)
        return
    # A space more or less in safetensors' own header changes nothing.
    assert format.to_bytes(ticket.contents) == CNN


@given(st.binary(max_size=200))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    refused(lambda: read(content, tmp_path_factory.mktemp("any")), "hostile.ticket")


METADATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.data())
@settings(max_examples=150)
def test_any_value_of_any_key(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    def change(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        header[data.draw(st.sampled_from(sorted(header)))] = data.draw(METADATA)

    folder = tmp_path_factory.mktemp("key")
    try:
        ticket = read(changed(change), folder)
    except LotteryError as error:
        assert "\n" not in str(error)
    else:
        assert len(ticket.predict(["w1 w2"])) == 1


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": NaN}', "{", "[]", '"x"', ""])
def test_metadata_that_is_no_header(text: str, tmp_path: Path) -> None:
    arrays = load(CNN)
    content = save(arrays, {"ticket": text})
    refused(lambda: read(content, tmp_path), "hostile.ticket", "not a ticket")


def test_a_safetensors_file_of_something_else(tmp_path: Path) -> None:
    refused(lambda: read(save({"x": np.zeros(3)}), tmp_path), "without a ticket's metadata")


def test_no_file_a_folder_and_a_file_without_end(tmp_path: Path) -> None:
    refused(lambda: Ticket.load(tmp_path / "none.ticket"), "none.ticket: not found")
    refused(lambda: Ticket.load(tmp_path), str(tmp_path))
    with (tmp_path / "hole.ticket").open("wb") as file:
        file.truncate(1 << 40)
    refused(lambda: Ticket.load(tmp_path / "hole.ticket"), "larger than")


def test_sums_that_overflow(tmp_path: Path) -> None:
    def change(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        for name, array in arrays.items():
            if name.endswith("values"):
                array[:] = np.float32(3e38)

    ticket = read(changed(change), tmp_path)
    refused(lambda: ticket.predict(["w1 w2 w3"]), "too large")


def test_a_bomb_takes_little_memory(tmp_path: Path) -> None:
    """In a process that may have no more than a gigabyte of addresses beyond its own."""
    path = tmp_path / "bomb.ticket"
    path.write_bytes(changed(set_array("words", BOMB)))
    program = (
        "import resource, sys, lottery.tickets.predict as p\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({1 << 30}, {1 << 30}))\n"
        f"sys.argv = ['predict', {str(path)!r}]\np.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "src"), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        input="",
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {path}: not a ticket, or damaged: ")
    assert done.stderr.count("\n") == 1
