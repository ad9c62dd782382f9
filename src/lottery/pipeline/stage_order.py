"""Where a stage stands in the whole pipeline.

DVC runs each stage as a process and tells it only its name. It goes through the stages in the order
of ``dvc.yaml``, each after those that it depends on; there, those come first. So the stages before
one are done or up to date when it runs.
"""

from functools import reduce
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from lottery.config import grid
from lottery.config.schema import Params

PIPELINE = Path("dvc.yaml")


def position(settings: Params, name: str) -> str | None:
    """``stage 12 of 64`` for the stage that DVC calls ``name``; None if ``dvc.yaml`` has none."""
    try:
        names = order(settings, yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))["stages"])
        return f"stage {names.index(name) + 1} of {len(names)}"
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError):
        return None


def order(settings: Params, stages: dict[str, Any]) -> list[str]:
    """The names of all stages, as DVC has them: ``stages`` of ``dvc.yaml`` over the grid."""
    names: list[str] = []
    for name, stage in stages.items():
        if name == "vocabulary":
            # It depends on its source's tokens, and the tokens of its target depend on it.
            for number, source in enumerate(grid.sources(settings).values()):
                names += [f"tokenize@{source}", f"vocabulary@pair{number}"]
            continue
        axes = stage.get("matrix", {"key": stage["foreach"]} if "foreach" in stage else {})
        keys = product(*(_keys(settings, axis, values) for axis, values in axes.items()))
        names += ["@".join(filter(None, [name, "-".join(key)])) for key in keys]
    return list(dict.fromkeys(names))


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
