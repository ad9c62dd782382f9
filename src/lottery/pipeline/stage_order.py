"""Where a stage stands in the whole pipeline.

DVC runs each stage as a process and tells it only its name. It goes through the stages in the order
of ``dvc.yaml``, each after those that it depends on; there, those come first. So the stages before
one are done or up to date when it runs.
"""

from itertools import product
from pathlib import Path
from typing import Any

import yaml

from lottery.config.schema import Params

PIPELINE = Path("dvc.yaml")


def position(settings: Params, name: str) -> str | None:
    """``stage 12 of 43`` for the stage that DVC calls ``name``; None if ``dvc.yaml`` has none."""
    try:
        names = order(settings, yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))["stages"])
        return f"stage {names.index(name) + 1} of {len(names)}"
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError):
        return None


def order(settings: Params, stages: dict[str, Any]) -> list[str]:
    """The names of all stages, as DVC has them: ``stages`` of ``dvc.yaml`` over the grid."""
    names = []
    for name, stage in stages.items():
        grid = stage.get("matrix", [stage["foreach"]] if "foreach" in stage else [])
        axes = [_keys(settings, axis) for axis in (grid.values() if "matrix" in stage else grid)]
        names += ["@".join(filter(None, [name, "-".join(keys)])) for keys in product(*axes)]
    return names


def _keys(settings: Params, axis: Any) -> list[str]:
    """The keys that a stage is repeated for: of a mapping or a list, perhaps ``${<parameter>}``."""
    is_parameter = isinstance(axis, str) and axis.startswith("${")
    return [str(key) for key in (getattr(settings, axis[2:-1]) if is_parameter else axis)]
