"""``params.yaml``, read and checked; its keys are explained in :mod:`lottery.config.schema`.

A key that is unknown, missing or impossible is refused, by its full name.
"""

import dataclasses
from pathlib import Path
from typing import Any, TypeVar

from pydantic.dataclasses import dataclass

from lottery.config import strict_yaml, validation
from lottery.config.plugins import suggestion
from lottery.config.schema import Document, Model, Params, Sections, Train
from lottery.errors import LotteryError, brief
from lottery.storage.paths import PARAMS


def load(path: Path) -> Params:
    """The checked parameters of a file.

    Raises LotteryError for a file that is missing, is not YAML, or contains an impossible value.
    """
    return parse(strict_yaml.read_yaml(path), str(path))


def parse(document: Any, where: str = str(PARAMS)) -> Params:
    """The checked parameters of a parsed document; ``where`` begins each error."""
    if not isinstance(document, dict):
        raise LotteryError(f"{where}: expected a mapping of sections, got {brief(document)}")
    raw: Document = validation.validate(Document, document, where, ())
    sections = {field.name: getattr(raw, field.name) for field in dataclasses.fields(Sections)}
    return Params(**sections, train=_train_by_cell(raw, where))


Options = TypeVar("Options")


def options(settings: Model, kind: type[Options], name: str) -> Options:
    """``models.<name>.options`` as the model module's own dataclass, checked like the rest.

    ``kind`` is a plain frozen dataclass: model modules also run where pydantic is not installed.
    """
    checked = dataclass(kind, frozen=True, config=validation.STRICT)
    path = ("models", name, "options")
    return validation.validate(checked, settings.options, str(PARAMS), path)


def _train_by_cell(raw: Document, where: str) -> dict[str, Train]:
    """The training settings of each cell: its model's, overridden by its own."""
    cells = {f"{corpus}-{model}": model for corpus in raw.corpora for model in raw.models}
    _check_names(raw, cells, where)
    fields = {field.name for field in dataclasses.fields(Train)}
    result = {}
    for cell, model in cells.items():
        for key in (model, cell):
            validation.refuse_unknown_keys(raw.train[key], fields, where, ("train", key))
        merged = {**raw.train[model], **raw.train[cell]}
        overridden = [name for name in merged if name in raw.train[cell]]
        origins = dict.fromkeys(overridden, ("train", cell))
        result[cell] = validation.validate(Train, merged, where, ("train", model), origins)
        if raw.rewind.epoch >= result[cell].epochs:
            raise LotteryError(
                f"{where}: rewind.epoch: {raw.rewind.epoch} leaves no epoch to train, since {cell} "
                f"trains for {result[cell].epochs}; choose a smaller one"
            )
    return result


def _check_names(raw: Document, cells: dict[str, str], where: str) -> None:
    """Raise LotteryError unless ``train`` has an entry for each model and each cell, and no
    other."""
    expected = {*cells, *raw.models}
    for key in raw.train:
        if key not in expected:
            hint = suggestion(key, sorted(expected))
            name = validation.full_name("train", key)
            raise LotteryError(f"{where}: {name}: not a model or a cell in this file{hint}")
    for key in sorted(expected):
        if key not in raw.train:
            way_out = f"add '{key}: {{}}' under train" if key in cells else "add its settings"
            raise LotteryError(f"{where}: train.{key}: missing; {way_out}")
