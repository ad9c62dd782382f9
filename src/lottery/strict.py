"""Strict reading of YAML into dataclasses: every refusal is one line with the key's full name."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from lottery.errors import LotteryError
from lottery.registry import suggestion

CONFIG = ConfigDict(extra="forbid", strict=True)
"""For the dataclasses: no key that they lack, no value of another type."""
_UNKNOWN_KEY = ("unexpected_keyword_argument", "extra_forbidden")


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
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise LotteryError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None


def checked(
    kind: type,
    value: Any,
    where: str,
    path: tuple[str, ...],
    origins: Mapping[str, tuple[str, ...]] | None = None,
) -> Any:
    """Validate ``value`` as ``kind``; ``origins`` says under which section a key really stands.

    By way of JSON, where strict checking still takes a list for a tuple and a mapping for a
    dataclass; what JSON does not have (dates) becomes a string, which no key accepts.
    """
    try:
        content = json.dumps(value, default=str)
    except (ValueError, RecursionError) as error:
        raise LotteryError(f"{where}: holds a value that cannot be: {error}") from None
    try:
        return TypeAdapter(kind).validate_json(content)
    except ValidationError as error:
        # A misspelt key is also a missing one: name what stands there first.
        first = min(error.errors(), key=lambda found: found["type"] not in _UNKNOWN_KEY)
        names = [str(part) for part in first["loc"] if part != "[key]"]
        prefix = (origins or {}).get(names[0], path) if names else path
        key = ".".join((*prefix, *names))
        raise LotteryError(f"{where}: {key}: {_reason(first, kind, names)}") from None


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
        return str(error["ctx"]["error"])
    message = error["msg"].replace("Input should be", "must be")
    return f"{message[0].lower()}{message[1:]}, not {shown(error['input'])}"


def _keys_at(kind: Any, names: list[str]) -> list[str]:
    """The keys that the section ``names`` of ``kind`` may have."""
    for name in names:
        # Of a mapping, the kind of its values; of a dataclass, the kind of the field.
        kind = get_args(kind)[1] if get_origin(kind) is dict else get_type_hints(kind)[name]
    return sorted(get_type_hints(kind))


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def refuse_unknown(
    section: Mapping[str, Any], known: set[str], where: str, path: tuple[str, ...]
) -> None:
    for key in section:
        if key not in known:
            raise LotteryError(
                f"{where}: {'.'.join((*path, str(key)))}: unknown key"
                f"{suggestion(str(key), sorted(known))}"
            )


class _UniqueKeys(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, where YAML's would let the last one win, and
    anchors, whose nesting can make a small file unfold into gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed here; write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                line = key_node.start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: the key {shown(key)} is not a word")
            if key in seen:
                raise yaml.YAMLError(f"line {key_node.start_mark.line + 1}: '{key}' stands twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


# YAML 1.1 wants a point in a float; 1.2, which DVC writes, does not: 1e-05 is a number to both.
_UniqueKeys.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)
