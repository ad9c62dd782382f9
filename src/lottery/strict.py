"""Strict reading of YAML into dataclasses: every refusal is one line with the key's full name."""

import datetime
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from lottery.errors import LotteryError
from lottery.registry import suggestion

CONFIG = ConfigDict(extra="forbid", strict=True)
"""For the dataclasses: no key that they lack, no value of another type."""
_UNKNOWN_KEY = ("unexpected_keyword_argument", "extra_forbidden")
_DEEPEST = 20
"""Levels of lists and mappings; five are in use, and pydantic's own limit would name no key."""


def read_yaml(path: Path) -> Any:
    """The document in ``path``. Raises LotteryError for a file that is missing or is no YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)  # noqa: S506
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run from the root of the repository") from None
    except UnicodeDecodeError as error:
        raise LotteryError(f"{path}: not UTF-8 ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise LotteryError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        raise LotteryError(f"{path}: not valid YAML: {one_line(str(error))}") from None


def checked(
    kind: type,
    value: Any,
    where: str,
    path: tuple[str, ...],
    origins: Mapping[str, tuple[str, ...]] | None = None,
) -> Any:
    """Validate ``value`` as ``kind``; ``origins`` says under which section a key really stands.

    By way of JSON, where strict checking still takes a list for a tuple and a mapping for a
    dataclass. Raises LotteryError, in one line with the key's full name, for what does not fit.
    """
    _refuse_foreign(value, where, path)
    try:
        return TypeAdapter(kind).validate_json(json.dumps(value))
    except ValidationError as error:
        # A misspelt key is also a missing one: name what stands there first.
        first = min(error.errors(), key=lambda found: found["type"] not in _UNKNOWN_KEY)
        names = [str(part) for part in first["loc"]]
        if first["type"].startswith("string") and names[-1:] == ["[key]"]:
            names.pop()
        prefix = (origins or {}).get(names[0], path) if names else path
        reason = _reason(first, kind, names)
        raise LotteryError(f"{where}: {dotted(*prefix, *names)}: {reason}") from None


def _refuse_foreign(value: Any, where: str, path: tuple[str, ...]) -> None:
    """Raise LotteryError for what JSON does not have, or pydantic refuses without a key's name."""
    reason = None
    entries: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    elif isinstance(value, datetime.date):
        reason = f"{value} is a date; put it in quotes if a word is meant"
    elif isinstance(value, int):
        reason = None if abs(value) < 2**63 else "a number of more than 63 bits"
    elif isinstance(value, str):
        reason = None if _is_unicode(value) else f"{shown(value)} holds half a character"
    elif not (value is None or isinstance(value, float)):
        reason = f"a {type(value).__name__} cannot stand here"
    if entries and len(path) >= _DEEPEST:
        reason = f"nested more than {_DEEPEST} deep"
    if reason:
        raise LotteryError(f"{where}: {dotted(*path)}: {reason}")
    for key, entry in entries:
        inner = (*path, str(key))
        if isinstance(value, dict) and not (isinstance(key, str) and _is_unicode(key)):
            raise LotteryError(f"{where}: {dotted(*inner)}: the key {shown(key)} is not a word")
        _refuse_foreign(entry, where, inner)


def _is_unicode(text: str) -> bool:
    """Whether all surrogates, which YAML can escape one by one, are in pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reason(error: Any, kind: type, names: list[str]) -> str:
    """Say in our words what pydantic found."""
    if error["type"] in _UNKNOWN_KEY:
        return f"unknown key{suggestion(names[-1], _keys_at(kind, names[:-1]))}"
    if error["type"] in ("missing", "missing_argument"):
        return "missing; every key must be given"
    if error["type"] == "too_short":
        return "empty; name at least one"
    if error["type"] == "string_pattern_mismatch":
        return f"{shown(error['input'])} is no name: use lower-case letters, digits and '_'"
    if error["type"] == "value_error":
        return clipped(one_line(str(error["ctx"]["error"])), 200)
    message = error["msg"].replace("Input should be", "must be")
    return f"{message[0].lower()}{message[1:]}, not {shown(error['input'])}"


def _keys_at(kind: Any, names: list[str]) -> list[str]:
    """The keys that the section ``names`` of ``kind`` may have."""
    for name in names:
        # Of a mapping, the kind of its values; of a dataclass, the kind of the field.
        kind = get_args(kind)[1] if get_origin(kind) is dict else get_type_hints(kind)[name]
    return sorted(get_type_hints(kind))


def shown(value: Any) -> str:
    """A value as an error shows it: its beginning, on one line."""
    try:
        return clipped(repr(value), 60)
    except (ValueError, RecursionError):
        # An integer of thousands of digits, or lists in lists in lists.
        return f"a {type(value).__name__} too large to show"


def dotted(*path: str) -> str:
    """A key's full name; a part that is not readable on one line is quoted or cut."""
    return ".".join(
        part if part and len(part) <= 60 and part.isprintable() else shown(part) for part in path
    )


def one_line(text: str) -> str:
    """``text`` without line breaks, and with escapes for what a terminal would not print."""
    words = " ".join(text.split())
    return "".join(letter if letter.isprintable() else ascii(letter).strip("'") for letter in words)


def clipped(text: str, length: int) -> str:
    """``text``, or its beginning if it is longer than ``length``."""
    return text if len(text) <= length else text[: length - 3] + "..."


def refuse_unknown(
    section: Mapping[str, Any], known: set[str], where: str, path: tuple[str, ...]
) -> None:
    for key in section:
        if key not in known:
            raise LotteryError(
                f"{where}: {dotted(*path, str(key))}: unknown key"
                f"{suggestion(str(key), sorted(known))}"
            )


class _UniqueKeys(yaml.SafeLoader):
    """A safe loader that refuses what would be read as something else than it looks like.

    A key given twice, where YAML's would let the last one win; aliases, whose nesting can make a
    small file unfold into gigabytes; tags, on whose misuse PyYAML raises whatever comes; numbers
    to the base of 8 or 60, which DVC reads otherwise. Raises YAMLError with the line.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise _at(event, "aliases (*name) are not allowed here; write the value out")
        if event.tag is not None:
            raise _at(event, f"tags (here {shown(event.tag)}) are not allowed here")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                raise _at(key_node, "merge keys (<<) are not allowed here; write the values out")
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise _at(key_node, f"the key {shown(key)} is not a word")
            if key in seen:
                raise _at(key_node, f"{shown(key)} stands twice")
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: Any) -> int | float:
        if ":" in node.value or re.match(r"[-+]?0[0-9_]+$", node.value):
            raise _at(node, f"{shown(node.value)} is not a decimal number; write it as one")
        kind = node.tag.rpartition(":")[2]
        return self.construct_yaml_int(node) if kind == "int" else self.construct_yaml_float(node)


def _at(place: Any, message: str) -> yaml.YAMLError:
    return yaml.YAMLError(f"line {place.start_mark.line + 1}: {message}")


for _kind in ("int", "float"):
    _UniqueKeys.add_constructor(f"tag:yaml.org,2002:{_kind}", _UniqueKeys.construct_number)
# YAML 1.1 wants a point in a float; 1.2, which DVC writes, does not: 1e-05 is a number to both.
_UniqueKeys.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)
