"""``params.yaml``, read and checked; its keys are explained in :mod:`lottery.sections`.

Whatever is unknown, missing or impossible is refused, with the key's full name. Nothing here
touches files or torch, but for :func:`load`.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic.dataclasses import dataclass

from lottery import strict
from lottery.errors import LotteryError
from lottery.paths import PARAMS
from lottery.registry import suggestion
from lottery.sections import (
    Branch,
    Connectivity,
    Corpus,
    Document,
    Evaluate,
    Model,
    Prune,
    Rewind,
    Tokens,
    Train,
)

BRANCHED = "winning_ticket"
"""The strategy that controls and connectivity depart from."""


@dataclasses.dataclass(frozen=True)
class Params:
    """All parameters, checked. ``train`` has one complete entry a cell, ``<corpus>-<model>``."""

    corpora: Mapping[str, Corpus]
    models: Mapping[str, Model]
    strategies: tuple[str, ...]
    controls: tuple[str, ...]
    seeds: tuple[int, ...]
    device: str
    threads: int
    precision: str
    tokens: Tokens
    train: Mapping[str, Train]
    prune: Prune
    rewind: Rewind
    branch: Branch
    connectivity: Connectivity
    evaluate: Evaluate


def load(path: Path) -> Params:
    """Read and check a parameter file.

    Raises LotteryError for a file that is missing, is no YAML, or holds a value that cannot be.
    """
    return parse(strict.read_yaml(path), str(path))


def parse(document: Any, where: str = "params.yaml") -> Params:
    """Check a parsed document; ``where`` begins each error."""
    if not isinstance(document, dict):
        raise LotteryError(
            f"{where}: expected a mapping of sections, found {strict.shown(document)}"
        )
    raw: Document = strict.checked(Document, document, where, ())
    return Params(
        corpora=raw.corpora,
        models=raw.models,
        strategies=raw.strategies,
        controls=raw.controls,
        seeds=raw.seeds,
        device=raw.device,
        threads=raw.threads,
        precision=raw.precision,
        tokens=raw.tokens,
        train=_cells(raw, where),
        prune=raw.prune,
        rewind=raw.rewind,
        branch=raw.branch,
        connectivity=raw.connectivity,
        evaluate=raw.evaluate,
    )


Options = TypeVar("Options")


def options(settings: Model, kind: type[Options], name: str) -> Options:
    """``models.<name>.options`` as the model module's own dataclass, checked like the rest.

    ``kind`` is a plain frozen dataclass: model modules also run where pydantic is not installed.
    """
    checked = dataclass(kind, frozen=True, config=strict.CONFIG)
    return strict.checked(checked, settings.options, str(PARAMS), ("models", name, "options"))


def _cells(raw: Document, where: str) -> dict[str, Train]:
    """Lay each cell's own settings over its model's."""
    cells = {f"{corpus}-{model}": model for corpus in raw.corpora for model in raw.models}
    expected = {*cells, *raw.models}
    for key in raw.train:
        if key not in expected:
            hint = suggestion(key, sorted(expected))
            raise LotteryError(
                f"{where}: {strict.dotted('train', key)}: not a model or a cell of this grid{hint}"
            )
    for key in sorted(expected):
        if key not in raw.train:
            way_out = f"add '{key}: {{}}' under train" if key in cells else "add its settings"
            raise LotteryError(f"{where}: train.{key}: missing; {way_out}")
    known = {field.name for field in dataclasses.fields(Train)}
    result = {}
    for cell, model in cells.items():
        for key in (model, cell):
            strict.refuse_unknown(raw.train[key], known, where, ("train", key))
        merged = {**raw.train[model], **raw.train[cell]}
        overridden = [name for name in merged if name in raw.train[cell]]
        result[cell] = strict.checked(
            Train, merged, where, ("train", model), dict.fromkeys(overridden, ("train", cell))
        )
        if raw.rewind.epoch >= result[cell].epochs:
            raise LotteryError(
                f"{where}: rewind.epoch: {raw.rewind.epoch} leaves nothing to train of the "
                f"{result[cell].epochs} epochs of {cell}; choose a smaller one"
            )
    return result
