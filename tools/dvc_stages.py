"""The stages of ``dvc.yaml``, with every ``${...}`` filled in, where DVC is not installed."""

import argparse
import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lottery.config import params, strict_yaml
from lottery.config.plugins import suggestion
from lottery.errors import LotteryError, brief
from lottery.pipeline import stage_order
from lottery.pipeline.stage_order import Item
from lottery.storage import paths

TOKENS = "tokenize"
"""The stage whose output is carried to the machine that trains."""


@dataclass(frozen=True)
class Stage:
    """One stage of the grid. Paths are from the root of the repository."""

    name: str
    """As DVC has it: ``prune@imdb-cnn-winning_ticket``."""
    kind: str
    """``prune``."""
    cmd: str
    """``python -m stages.prune imdb cnn winning_ticket``."""
    params: tuple[str, ...]
    """Keys of params.yaml, with dots."""
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    cell: str | None
    """The cell that it computes, such as ``imdb-cnn``; None of a stage that trains nothing."""
    model: str | None

    @property
    def arguments(self) -> list[str]:
        """``["imdb", "cnn", "winning_ticket"]``."""
        return shlex.split(self.cmd)[3:]


def load(root: Path = Path()) -> list[Stage]:
    """Every stage of the repository at ``root``, in the order in which DVC goes through them.

    Raises LotteryError for a ``dvc.yaml`` or ``params.yaml`` that is missing or damaged.
    """
    document = strict_yaml.read_yaml(root / paths.PARAMS)
    settings = params.parse(document, str(root / paths.PARAMS))
    pipeline = strict_yaml.read_yaml(root / stage_order.PIPELINE)
    try:
        stages, variables = pipeline["stages"], pipeline.get("vars", [])
        every = {key: value for group in variables for key, value in group.items()}
        return [
            _filled(item, stages[item.kind], {**every, **document})
            for item in stage_order.items(settings, stages)
        ]
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise LotteryError(
            f"{root / stage_order.PIPELINE}: not the stages of this project ({brief(error)}); "
            "take the file of the last commit"
        ) from None


def _filled(item: Item, stage: Mapping[str, Any], values: Mapping[str, Any]) -> Stage:
    """``stage`` of ``dvc.yaml`` for one item of the grid."""
    axes = stage_order.axes(dict(stage))
    of_item = {
        axis: _element(key, _lookup(values, str(entries)[2:-1]))
        for (axis, entries), key in zip(axes.items(), item.keys, strict=True)
    }
    if "foreach" in stage:
        key = item.keys[0]
        values = {**values, "key": key, "item": _lookup(values, stage["foreach"][2:-1])[key]}
        stage = stage["do"]
    else:
        values = {**values, "item": of_item}

    def fill(text: str) -> str:
        return re.sub(r"\$\{([^}]*)\}", lambda match: str(_lookup(values, match[1])), text)

    def listed(key: str) -> tuple[str, ...]:
        entries = (next(iter(e)) if isinstance(e, dict) else e for e in stage.get(key, ()))
        return tuple(fill(entry) for entry in entries)

    corpus = of_item.get("corpus") or of_item.get("pair", {}).get("to")
    model = of_item.get("model")
    return Stage(
        name=item.name,
        kind=item.kind,
        cmd=fill(stage["cmd"]),
        params=listed("params"),
        deps=listed("deps"),
        outs=listed("outs"),
        cell=f"{corpus}-{model}" if corpus and model else None,
        model=model,
    )


def _lookup(values: Mapping[str, Any], key: str) -> Any:
    value: Any = values
    for part in key.split("."):
        value = value[part]
    return value


def _element(key: str, entries: Any) -> Any:
    """What ``key`` means among ``entries``: itself, or of mappings the one with its number."""
    number = re.search(r"\d+$", key)
    is_numbered = number and isinstance(entries, list) and isinstance(entries[0], dict)
    return entries[int(number[0])] if number and is_numbered else key


def add_arguments(parser: argparse.ArgumentParser, needed: str) -> None:
    """The arguments ``stages`` and ``cells``, for :func:`chosen`; ``needed`` is what comes with the
    stages."""
    parser.add_argument(
        "stages",
        metavar="STAGE",
        nargs="*",
        help="a kind such as prune, or one stage such as prune@imdb-cnn-winning_ticket; those "
        f"{needed} come with it (default: all that token arrays suffice for)",
    )
    parser.add_argument(
        "--cells",
        metavar="CELL,CELL",
        type=lambda text: text.split(","),
        default=[],
        help="only the stages of these cells, such as imdb-lstm (default: all)",
    )


def makers(stages: Iterable[Stage]) -> dict[str, Stage]:
    """The stage that writes each output, by its path."""
    return {out: stage for stage in stages for out in stage.outs}


def from_tokens(stages: list[Stage]) -> list[Stage]:
    """The stages of cells that need token arrays, what is in Git, and each other; nothing else."""
    made = makers(stages)
    result: list[Stage] = []
    for stage in stages:
        needed = [made[dep] for dep in stage.deps if dep in made]
        if stage.cell and all(s.kind in ("code", TOKENS) or s in result for s in needed):
            result.append(stage)
    return result


def chosen(stages: list[Stage], names: Collection[str], cells: Collection[str]) -> list[Stage]:
    """Those of ``stages`` with one of ``names``, in one of ``cells`` (all if there are none), and
    those of ``stages`` that they depend on, in order.

    A name is a kind (``prune``) or one stage. Raises LotteryError for one that none has.
    """
    for kind, values, choices in (
        ("stage", names, {name for stage in stages for name in (stage.kind, stage.name)}),
        ("cell", cells, {stage.cell for stage in stages if stage.cell}),
    ):
        for value in values:
            if value not in choices:
                hint = suggestion(value, sorted(choices))
                raise LotteryError(
                    f"{kind} {brief(value)}: not one that token arrays suffice for{hint}; "
                    "'python -m tools.run_stages --list' lists them"
                )
    wanted = {
        stage
        for stage in stages
        if (not names or {stage.kind, stage.name} & set(names))
        and (not cells or stage.cell in cells)
    }
    made = makers(stages)
    for stage in reversed(stages):
        if stage in wanted:
            wanted |= {made[dep] for dep in stage.deps if dep in made}
    return [stage for stage in stages if stage in wanted]
