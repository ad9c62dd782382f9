"""Reading YAML strictly: what a person and DVC might understand differently is refused."""

import re
from pathlib import Path
from typing import Any

import yaml

from lottery.errors import LotteryError, brief, one_line


def read_yaml(path: Path) -> Any:
    """The document in ``path``, as dictionaries, lists and scalars.

    Raises LotteryError for a file that is missing, cannot be read, or is not the strict YAML that
    :class:`_StrictLoader` accepts.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506
    except FileNotFoundError:
        raise LotteryError(f"{path}: not found; run from the root of the repository") from None
    except UnicodeDecodeError as error:
        raise LotteryError(f"{path}: not UTF-8 ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise LotteryError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        raise LotteryError(f"{path}: not valid YAML: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    """What is wrong, in one line; PyYAML's words, but for a tab."""
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if mark is not None and "character '\\t'" in str(getattr(error, "problem", "")):
        return f"line {mark.line + 1}: a tab where YAML allows none; replace it with spaces"
    return one_line(str(error))


class _StrictLoader(yaml.SafeLoader):
    """A safe loader that refuses what would be read as something other than it looks like.

    - A key that appears twice: YAML would silently let the last one win.
    - Aliases: nested, they make a small file unfold into gigabytes.
    - Tags: misused, they make PyYAML raise exceptions of any kind.
    - Numbers to the base of 8 or 60: DVC reads them differently.

    Raises YAMLError with the line.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise _error_at(event, "aliases (*name) are not allowed here; write the value out")
        if event.tag is not None:
            raise _error_at(event, f"tags (here {brief(event.tag)}) are not allowed here")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                message = "merge keys (<<) are not allowed here; write the values out"
                raise _error_at(key_node, message)
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise _error_at(key_node, f"the key {brief(key)} is not a string")
            if key in keys:
                raise _error_at(key_node, f"the key {brief(key)} appears twice")
            keys.add(key)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: Any) -> int | float:
        if ":" in node.value or re.match(r"[-+]?0[0-9_]+$", node.value):
            message = f"{brief(node.value)} is not a decimal number; write it as one"
            raise _error_at(node, message)
        kind = node.tag.rpartition(":")[2]
        return self.construct_yaml_int(node) if kind == "int" else self.construct_yaml_float(node)


def _error_at(node: Any, message: str) -> yaml.YAMLError:
    """An error with the line of ``node``, which is a node or an event of PyYAML."""
    return yaml.YAMLError(f"line {node.start_mark.line + 1}: {message}")


for _kind in ("int", "float"):
    _StrictLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", _StrictLoader.construct_number)
# YAML 1.1 needs a point in a float. YAML 1.2, which DVC writes, does not: 1e-05 is a number.
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)
