"""What a ticket says of itself: the JSON in its metadata, checked key by key."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn

from lottery.tickets.architectures import CNN, LSTM, Architecture

FORMAT, VERSION = "lottery ticket", 1
NO_DIGEST = "0" * 64
"""Stands for the digest where the digest is computed."""
VALUES = ("float32", "float16", "int8")
"""The dtypes in which the values of matrices can be stored."""
TOKENIZERS = ("basic_english", "unicode", "character")
EMBEDDING = "embedding"
MAX_ROWS = 65_536
"""Words, and rows of any matrix."""
MAX_WIDTH = 1 << 20
"""Columns of any matrix, and numbers that the runtime has per word."""
MAX_PRODUCT = 1 << 28
"""Numbers that the runtime keeps in memory for the first layer: 1 GiB."""


@dataclass(frozen=True)
class Header:
    """All of a ticket but its words and arrays."""

    model: Architecture
    classes: tuple[str, ...]
    tokenizer: str
    max_tokens: int | None
    """How many tokens of a document are used, from its start; None: all."""
    values: str
    """One of :data:`VALUES`."""
    words: int
    """Words that have an embedding, ``<unk>`` apart."""
    entries: dict[str, int]
    """For each matrix, how many entries it has."""
    weights: dict[str, dict[str, int]]
    """For each parameter of the network in training, ``weights``, of which ``remaining`` are not
    pruned."""
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def outputs(self) -> int:
        """Logits per document: one for two classes."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    @property
    def sparsity(self) -> float:
        """The fraction of all weights that were pruned."""
        total = sum(count["weights"] for count in self.weights.values())
        return 1 - sum(count["remaining"] for count in self.weights.values()) / max(1, total)

    def matrices(self) -> dict[str, tuple[int, int]]:
        """The shape of each matrix by name."""
        return {
            EMBEDDING: (self.words + 1, self.model.dim),
            **self.model.matrices(),
            "output_weight": (self.outputs, self.model.features),
        }

    def vectors(self) -> dict[str, int]:
        """The length of each vector by name."""
        return {**self.model.vectors(), "output_bias": self.outputs}

    def to_json(self, digest: str = NO_DIGEST) -> str:
        """The text that :func:`parse` reads, with the ``digest`` of the file."""
        fields = {
            name: getattr(self, name) for name in self.__dataclass_fields__ if name != "model"
        }
        start = {"format": FORMAT, "version": VERSION, "sha256": digest}
        model = {"name": _name(self.model), **asdict(self.model)}
        document = {**start, "model": model, **fields}
        return json.dumps(document, ensure_ascii=False, allow_nan=False)


def _name(model: Architecture) -> str:
    return type(model).__name__.lower()


def parse(text: str) -> tuple[Header, str]:
    """The header in ``text``, and the digest that it gives.

    Raises ValueError, naming the key, unless all of it is as expected. Nothing in it makes a reader
    take more memory than the limits at the top allow.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("the metadata is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"the metadata is not JSON ({error})") from None
    _expect(type(document) is dict and document.get("format") == FORMAT, "format", FORMAT)
    version = document.get("version")
    _expect(
        type(version) is int and version == VERSION,
        "version",
        f"{VERSION}: written by another version of lottery",
    )
    digest = document.get("sha256")
    _expect(type(digest) is str and len(digest) == len(NO_DIGEST), "sha256", "64 digits")
    header = Header(
        model=_model(document.get("model")),
        classes=tuple(_list(document, "classes", str, lambda name: len(name) <= 10_000)),
        tokenizer=_choice(document, "tokenizer", TOKENIZERS),
        max_tokens=None
        if document.get("max_tokens", 0) is None
        else _count(document, "max_tokens"),
        values=_choice(document, "values", VALUES),
        words=_count(document, "words", 0, MAX_ROWS - 1),
        entries=_counts(document, "entries"),
        weights={name: _pair(value) for name, value in _mapping(document, "weights").items()},
        provenance=_mapping(document, "provenance"),
    )
    _expect(2 <= len(header.classes) <= MAX_ROWS, "classes", "at least two names")
    _check_size(header)
    return header, digest


def _check_size(header: Header) -> None:
    for name, (rows, width) in header.matrices().items():
        _expect(rows <= MAX_ROWS and width <= MAX_WIDTH, name, "a smaller matrix")
        limit = rows * width
        fits = header.entries.get(name, -1) in range(limit + 1)
        _expect(fits, f"entries.{name}", f"a number up to {limit:,}")
    extra = header.entries.keys() - header.matrices().keys()
    _expect(not extra, "entries", "only the network's matrices")
    columns = header.model.columns
    fits = columns <= MAX_WIDTH and header.model.dim * columns <= MAX_PRODUCT
    _expect(fits, "model", "a smaller network")


def _model(value: Any) -> Architecture:
    _expect(type(value) is dict, "model", "a mapping")
    name, dim = value.get("name"), _count(value, "dim", 1, 10_000)
    if name == "lstm":
        return LSTM(dim, _count(value, "hidden", 1, 10_000), _count(value, "layers", 1, 20))
    _expect(name == "cnn", "model.name", "cnn or lstm")
    widths = _list(value, "widths", int, lambda width: 1 <= width <= 100)
    filters = _list(value, "filters", int, lambda count: 0 <= count <= 10_000)
    fits = len(filters) == len(widths) == len(set(widths)) > 0
    _expect(fits, "model.filters", "a number for each of the distinct widths")
    return CNN(dim, tuple(widths), tuple(filters))


def _count(document: dict[str, Any], key: str, least: int = 1, most: int = 1 << 62) -> int:
    value = document.get(key)
    _expect(type(value) is int and least <= value <= most, key, f"a number, at least {least}")
    return int(value)  # type: ignore[arg-type]


def _choice(document: dict[str, Any], key: str, choices: tuple[str, ...]) -> str:
    value = document.get(key)
    _expect(type(value) is str and value in choices, key, "one of " + ", ".join(choices))
    return str(value)


def _mapping(document: dict[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    _expect(type(value) is dict, key, "a mapping")
    return dict(value)  # type: ignore[arg-type]


def _counts(document: dict[str, Any], key: str) -> dict[str, int]:
    mapping = _mapping(document, key)
    return {name: _count(mapping, name, 0) for name in mapping}


def _pair(value: Any) -> dict[str, int]:
    _expect(type(value) is dict, "weights", "two numbers for each parameter")
    return {key: _count(value, key, 0) for key in ("weights", "remaining")}


def _list(document: dict[str, Any], key: str, kind: type, fits: Callable[[Any], bool]) -> list[Any]:
    value = document.get(key)
    is_list = type(value) is list and all(type(entry) is kind and fits(entry) for entry in value)
    _expect(is_list, key, f"a list of {kind.__name__}")
    return list(value)  # type: ignore[arg-type]


def _expect(holds: bool, key: str, expected: str) -> None:
    if not holds:
        raise ValueError(f"'{key}' is not as expected: {expected}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
