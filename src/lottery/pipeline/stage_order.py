"""Where a stage stands in the whole pipeline.

DVC runs each stage as a process and tells it only its name. It goes through the stages in the order
of ``dvc.yaml``, each after those that it depends on; there, those come first. So the stages before
one are done or up to date when it runs.
"""

from collections.abc import Iterator
from functools import reduce
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lottery.config import grid
from lottery.config.schema import Params

PIPELINE = Path("dvc.yaml")


class Item(NamedTuple):
    """One stage of the grid."""

    name: str
    """As DVC has it: ``train@imdb-cnn``."""
    kind: str
    """The key in ``dvc.yaml``: ``train``."""
    keys: tuple[str, ...]
    """What it is repeated for, in the order of its axes: ``("imdb", "cnn")``. An entry that is
    itself a mapping has the name of its axis and its number."""


def position(settings: Params, name: str) -> str | None:
    """``stage 12 of 64`` for the stage that DVC calls ``name``; None if ``dvc.yaml`` has none."""
    try:
        names = order(settings, yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))["stages"])
        return f"stage {names.index(name) + 1} of {len(names)}"
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError):
        return None


def order(settings: Params, stages: dict[str, Any]) -> list[str]:
    """The names of all stages, as DVC has them: ``stages`` of ``dvc.yaml`` over the grid."""
    return [item.name for item in items(settings, stages)]


def items(settings: Params, stages: dict[str, Any]) -> list[Item]:
    """All stages, in the order in which DVC goes through them."""
    # One that another depends on comes twice, and its first place counts.
    return list(dict.fromkeys(_items(settings, stages)))


def _items(settings: Params, stages: dict[str, Any]) -> Iterator[Item]:
    for kind, stage in stages.items():
        if kind == "vocabulary":
            # It depends on its source's tokens, and the tokens of its target depend on it.
            for number, source in enumerate(grid.sources(settings).values()):
                yield _item("tokenize", (source,))
                yield _item("vocabulary", (f"pair{number}",))
            continue
        axis_keys = (_keys(settings, axis, values) for axis, values in axes(stage).items())
        yield from (_item(kind, keys) for keys in product(*axis_keys))


def axes(stage: dict[str, Any]) -> dict[str, Any]:
    """What a stage is repeated for, by axis: that of ``foreach`` is called ``key``."""
    matrix: dict[str, Any] = stage.get("matrix", {})
    return {"key": stage["foreach"]} if "foreach" in stage else matrix


def _item(kind: str, keys: tuple[str, ...]) -> Item:
    return Item("@".join(filter(None, [kind, "-".join(keys)])), kind, keys)


def _keys(settings: Params, axis: str, values: Any) -> list[str]:
    """The keys that a stage is repeated for: of a mapping or a list, perhaps ``${<parameter>}``.

    An entry that is itself a mapping has the name of its axis and its number.
    """
    if isinstance(values, str) and values.startswith("${"):
        values = reduce(getattr, values[2:-1].split("."), settings)
    return [
        value if isinstance(value, str) else f"{axis}{number}"
        for number, value in enumerate(values)
    ]
