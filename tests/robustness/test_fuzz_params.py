"""A change to params.yaml is taken as written, or refused in one line that names the key."""

import copy
import dataclasses
import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from lottery.config import params
from lottery.config.schema import Params
from lottery.errors import LotteryError
from lottery.pipeline.check import check

FILES = [ROOT / "params.yaml", *sorted((ROOT / "profiles").glob("*.yaml"))]
TEXTS = [path.read_text() for path in FILES]
DOCUMENTS = [yaml.safe_load(text) for text in TEXTS]
CASES = [200, pytest.param(2_000, marks=pytest.mark.slow)]
Path_ = tuple[Any, ...]


def all_paths(value: Any, path: Path_ = ()) -> list[Path_]:
    """The path of every section, key and entry."""
    result = [path] if path else []
    if isinstance(value, dict | list):
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            result += all_paths(entry, (*path, key))
    return result


def at(document: Any, path: Path_) -> Any:
    """The section, value or entry at ``path``."""
    for key in path:
        document = document[key]
    return document


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


STRINGS = [
    *("", " ", "\n", "a\nb", "\0", "\x1b[31m", "\u2028", "\x85", "\ud800", "é", "名", "🎟"),
    *("no", "1e5", "nan", "[key]", "a.b", "a: b", "x" * 200, "y" * 10_000, "..", "/", "~"),
    *("src/lottery/corpora/nope.py", "src/lottery/corpora/__init__.py", "stages/train.py"),
    *("data", "a/../b.csv", "\ud800.py", "z" * 300 + ".py", "\n.py", "\0.csv"),
]
NUMBERS = [
    *(0, -1, 1, 2, 3, 100, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63), 10**400),
    *(0.0, -0.0, 0.5, 1.0, 1e-320, 1e308, -1e308, float("nan"), float("inf"), -float("inf")),
]
# Made again each time, and not among the values that hypothesis may want to print.
FOREIGN: dict[str, Callable[[], Any]] = {
    "date": lambda: datetime.date(2020, 1, 1),
    "moment": lambda: datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    "bytes": lambda: b"x",
    "set": lambda: {"a"},
    "tuple": lambda: (1, 2),
    "complex": lambda: 1j,
    "object": object,
    "number for a key": lambda: {1: 2},
    "nothing for a key": lambda: {None: 1},
    "tuple for a key": lambda: {(1,): 2},
    "huge": lambda: 10**5000,
    "deep": lambda: nested(15),
    "deeper": lambda: nested(300),
    "deepest": lambda: nested(20_000),
}
ODD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 5)
    | st.floats()
    | st.floats(0, 1)
    | st.sampled_from(STRINGS)
    | st.sampled_from(NUMBERS)
    | st.text(max_size=8)
    | st.sampled_from(sorted(FOREIGN)).map(lambda name: FOREIGN[name]())
    # What some other key has.
    | st.sampled_from(
        [at(document, path) for document in DOCUMENTS for path in all_paths(document)]
    )
)
VALUES = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.sampled_from(STRINGS), inner, max_size=3)
    ),
    max_leaves=4,
)
KEYS = st.text(max_size=8) | st.sampled_from(STRINGS) | st.sampled_from(["epochs", "cnn", "prune"])


@dataclasses.dataclass
class Change:
    """A document with one change, and the paths that a refusal of it may name."""

    document: dict[str, Any]
    paths: list[Path_]


@st.composite
def changes(draw: Callable[..., Any]) -> Change:
    document = copy.deepcopy(draw(st.sampled_from(DOCUMENTS)))
    path = draw(st.sampled_from(all_paths(document)))
    section, key = at(document, path[:-1]), path[-1]
    kind = draw(
        st.sampled_from(["replace", "replace", "replace", "delete", "rename", "add", "swap"])
    )
    paths = [path]
    if kind == "replace":
        section[key] = draw(VALUES)
    elif kind == "delete":
        del section[key]
    elif kind == "swap":
        other = draw(st.sampled_from(all_paths(document)))
        if other[: len(path)] != path != () and path[: len(other)] != other:
            other_section = at(document, other[:-1])
            section[key], other_section[other[-1]] = other_section[other[-1]], section[key]
            paths.append(other)
    elif isinstance(section, dict):
        name = draw(KEYS)
        section[name] = section.pop(key) if kind == "rename" else draw(VALUES)
        paths.append((*path[:-1], name))
    return Change(document, paths)


def word(key: Any) -> str:
    """A key as an error has it: as written, unless that cannot be read on one line."""
    text = str(key)
    if text and text.isprintable() and len(text) <= 60:
        return text
    return repr(text) if len(repr(text)) <= 60 else f"{repr(text)[:57]}..."


def names(change: Change) -> list[str]:
    """How an error may begin: with the key, its section, or a key that depends on it."""
    beginnings = []
    for path in change.paths:
        full = ".".join(word(key) for key in path)
        beginnings += [full, ".".join(word(key) for key in path[:-1])]
        if path[0] == "models" and path[2:3] == ("options",):
            # A model's own checks are of its options as a whole, and name the one they mean.
            beginnings.append(".".join(word(key) for key in path[:3]))
        # The grid decides which keys train has, epochs bound what is rewound to, pruning and sizes
        # which levels there are, and vectors fit a model.
        levels = ["prune.until", "branch.levels", "connectivity.levels", "transfer.levels"]
        dependent = {
            "corpora": ["train", "transfer.pairs"],
            "models": ["train", *levels],
            "train": ["rewind.epoch"],
            "tokens": ["models", *levels],
            "prune": levels,
        }
        beginnings += dependent.get(str(path[0]), [])
    return [name for name in beginnings if name]


def filled(document: dict[str, Any]) -> dict[str, Any]:
    """What the parameters must be, by the README: defaults, and cells over models."""
    full = copy.deepcopy(document)
    optional = {"split": None, "text": None, "label": None, "test_fraction": None}
    full["corpora"] = {
        name: {"dedupe": True, **optional, **corpus} for name, corpus in full["corpora"].items()
    }
    full["train"] = {}
    for corpus in full["corpora"]:
        for model in full["models"]:
            cell = f"{corpus}-{model}"
            merged = {**document["train"][model], **document["train"][cell]}
            merged["batch"] = {"documents": None, "tokens": None, **merged["batch"]}
            full["train"][cell] = merged
    # `from` is a word of Python's, so the fields have other names.
    pairs = [{"source": pair["from"], "target": pair["to"]} for pair in full["transfer"]["pairs"]]
    full["transfer"] = {**full["transfer"], "pairs": pairs}
    return full


def same(read: Any, meant: Any) -> bool:
    """Equal, and of one type; but 1 is also 1.0, and YAML 1.1 has 1e5 for a word."""
    if isinstance(meant, dict):
        return read.keys() == meant.keys() and all(same(read[key], meant[key]) for key in meant)
    if isinstance(meant, list):
        return len(read) == len(meant) and all(map(same, read, meant))
    if isinstance(read, float) and not isinstance(meant, bool):
        return read == float(meant)
    return type(read) is type(meant) and read == meant


def refusal(error: LotteryError) -> str:
    """The words of ``error``, which are one line of bounded length."""
    text = str(error)
    assert text.isprintable(), text
    assert len(text) < 1_000, text
    return text


def assert_meant(settings: Params, document: dict[str, Any]) -> None:
    assert same(json.loads(json.dumps(dataclasses.asdict(settings))), filled(document))


@pytest.mark.parametrize("cases", CASES)
def test_a_changed_document(cases: int) -> None:
    @settings(max_examples=cases)
    @given(changes())
    def changed(change: Change) -> None:
        try:
            parsed = params.parse(change.document)
            check(parsed, ROOT)
        except LotteryError as error:
            text = refusal(error).removeprefix("params.yaml: ")
            assert text.startswith(
                tuple(name + end for name in names(change) for end in (":", "."))
            ), (text, change.paths)
        else:
            assert_meant(parsed, change.document)

    changed()


PIECES = [
    *("&a ", "*a", "<<: ", "<<: {a: 1}", "? ", "- ", ": ", "|", ">", "'", '"', "{", "}", "[", "]"),
    *("#", "%", "@", "`", "=", "!", "!!int ''", "!!float ''", "!!bool x", "!!map [1]", "!!set [1]"),
    *("!!timestamp x", "!!binary é", "!!omap [1]", "!!python/object/apply:os.getpid []", "!<x> "),
    *("---\n", "...\n", "%YAML 9.9\n", "%TAG ! x\n", '"\\UFFFFFFFF"', '"\\ud800"', '"\\x"', "\t"),
    *("2020-99-99", "2020-01-01", "2020-01-01T00:00:00+99:99", "1:30", "010", "0x", "0b_", "1_0"),
    *(".nan", ".inf", "1e400", "yes", "~", "\ufeff", "\x00", "\x1b", "\x85", "\u2028", "\r"),
    *("[" * 150, "[" * 10_000, "{" * 10_000, "- " * 10_000, "a: " * 500, "0x" + "f" * 5_000),
    *("9" * 5_000, "x" * 5_000),
]
RAW = st.binary(min_size=1, max_size=4) | st.sampled_from(PIECES).map(
    lambda piece: piece.encode("utf-8", "surrogatepass")
)


@st.composite
def broken(draw: Callable[..., Any]) -> bytes:
    """The text of a file, cut, with something put in, or with lines of it twice or elsewhere."""
    text = draw(st.sampled_from(TEXTS)).encode()
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 40)))
        kind = draw(st.sampled_from(["truncate", "cut", "insert", "insert", "value", "line"]))
        if kind == "truncate":
            text = text[:start]
        elif kind == "cut":
            text = text[:start] + text[end:]
        elif kind == "insert":
            text = text[:start] + draw(RAW) + text[start:]
        elif kind == "value":
            # Instead of a word: what surrounds it stays whole, so that it is looked at.
            before, colon, rest = text[start:].partition(b": ")
            word, stop, after = rest.partition(b"\n")
            text = text[:start] + before + colon + (draw(RAW) if colon else word) + stop + after
        else:
            lines = text.splitlines(keepends=True) or [b""]
            line = lines.pop(draw(st.integers(0, len(lines) - 1)))
            for _ in range(draw(st.integers(0, 2))):
                lines.insert(draw(st.integers(0, len(lines))), line)
            text = b"".join(lines)
    return text


@pytest.mark.parametrize("cases", CASES)
def test_a_broken_text(cases: int, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"

    @settings(max_examples=cases)
    @given(broken())
    def changed(text: bytes) -> None:
        path.write_bytes(text)
        try:
            parsed = params.load(path)
        except LotteryError as error:
            assert refusal(error).startswith(f"{path}: ")
            return
        try:
            check(parsed, ROOT)
        except LotteryError as error:
            named = refusal(error).removeprefix("params.yaml: ")
            sections = ("corpora.", "models.", "strategies", "controls.", "prune.", "transfer.")
            assert named.startswith((*sections, "branch.", "connectivity.", "device: "))
        assert_meant(parsed, yaml.safe_load(text))

    changed()
