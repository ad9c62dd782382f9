"""Strict checking of values against dataclasses: each refusal is one line with the key's full
name."""

import datetime
import json
from collections.abc import Iterable, Mapping
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from lottery.config.plugins import suggestion
from lottery.errors import LotteryError, brief, clipped, one_line

STRICT = ConfigDict(extra="forbid", strict=True)
"""For the dataclasses: no unknown keys, and no value of another type."""
_UNKNOWN_KEY = ("unexpected_keyword_argument", "extra_forbidden")
_MAX_DEPTH = 20
"""Of nested lists and mappings. Five are in use, and pydantic's own limit would name no key."""


def validate(
    kind: type,
    value: Any,
    where: str,
    path: tuple[str, ...],
    origins: Mapping[str, tuple[str, ...]] | None = None,
) -> Any:
    """``value`` as an instance of ``kind``.

    ``where`` is the file and ``path`` the section's keys, for the error. ``origins`` gives the
    section of each key that was written in another one. Raises LotteryError for a bad value.
    """
    _refuse_non_json(value, where, path)
    try:
        # By way of JSON, where strict checking still takes a list for a tuple and a mapping for a
        # dataclass.
        return TypeAdapter(kind).validate_json(json.dumps(value))
    except ValidationError as error:
        # A misspelled key also leaves one missing: name the misspelled one.
        first = min(error.errors(), key=lambda flaw: flaw["type"] not in _UNKNOWN_KEY)
        names = [str(step) for step in first["loc"]]
        if first["type"].startswith("string") and names[-1:] == ["[key]"]:
            names.pop()
        section = (origins or {}).get(names[0], path) if names else path
        reason = _reason(first, kind, names)
        raise LotteryError(f"{where}: {full_name(*section, *names)}: {reason}") from None


def refuse_unknown_keys(
    section: Mapping[str, Any], fields: set[str], where: str, path: tuple[str, ...]
) -> None:
    """Raise LotteryError for a key of ``section`` that is not among ``fields``."""
    for key in section:
        if key not in fields:
            hint = suggestion(str(key), sorted(fields))
            raise LotteryError(f"{where}: {full_name(*path, str(key))}: unknown key{hint}")


def full_name(*path: str) -> str:
    """A key's full name, joined by dots. A step that cannot be read on one line is quoted or cut
    short."""
    return ".".join(
        step if step and len(step) <= 60 and step.isprintable() else brief(step) for step in path
    )


def _refuse_non_json(value: Any, where: str, path: tuple[str, ...]) -> None:
    """Raise LotteryError for what JSON cannot express, or pydantic refuses without naming a
    key."""
    reason = None
    entries: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    elif isinstance(value, datetime.date):
        reason = f"{value} is a date; put it in quotes if you mean text"
    elif isinstance(value, int):
        reason = None if abs(value) < 2**63 else "the number is too large (more than 63 bits)"
    elif isinstance(value, str):
        reason = None if _is_unicode(value) else f"{brief(value)} contains half a surrogate pair"
    elif not (value is None or isinstance(value, float)):
        reason = f"a {type(value).__name__} is not allowed here"
    if entries and len(path) >= _MAX_DEPTH:
        reason = f"nested more than {_MAX_DEPTH} deep"
    if reason:
        raise LotteryError(f"{where}: {full_name(*path)}: {reason}")
    for key, entry in entries:
        inner = (*path, str(key))
        if isinstance(value, dict) and not (isinstance(key, str) and _is_unicode(key)):
            raise LotteryError(
                f"{where}: {full_name(*inner)}: the key {brief(key)} is not a valid string"
            )
        _refuse_non_json(entry, where, inner)


def _is_unicode(text: str) -> bool:
    """Whether all surrogates, which YAML can escape one by one, are in pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reason(error: Any, kind: type, names: list[str]) -> str:
    """What is wrong, in our words, from one entry of pydantic's ``errors()``."""
    if error["type"] in _UNKNOWN_KEY:
        return f"unknown key{suggestion(names[-1], _keys_of_section(kind, names[:-1]))}"
    if error["type"] in ("missing", "missing_argument"):
        return "missing; this key is required"
    if error["type"] == "too_short":
        return "empty; expected at least one entry"
    if error["type"] == "string_pattern_mismatch":
        value = brief(error["input"])
        return f"{value} is not a valid name; use lower-case letters, digits and '_'"
    if error["type"] == "value_error":
        return clipped(one_line(str(error["ctx"]["error"])), 200)
    message = error["msg"].replace("Input should be", "must be")
    # In a YAML file these are called a mapping and a list.
    message = message.replace("an object", "a mapping").replace("a valid array", "a list")
    return f"{message[0].lower()}{message[1:]}, got {brief(error['input'])}"


def _keys_of_section(kind: Any, names: list[str]) -> list[str]:
    """The keys that the section ``names`` of ``kind`` may have, as they are written."""
    for name in names:
        # The kind of a mapping's values, of a list's entries, of a dataclass's field.
        inner = {dict: get_args(kind)[-1:], tuple: get_args(kind)[:1]}.get(get_origin(kind))
        kind = inner[0] if inner else get_type_hints(kind)[name]
    return sorted(field.alias or name for name, field in kind.__pydantic_fields__.items())
