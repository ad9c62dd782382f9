"""One cell of the grid as the stages train, prune and evaluate load it."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lottery import cells, files, paths, registry
from lottery import params as parameters
from lottery.cells import Cell
from lottery.errors import LotteryError
from lottery.params import Params
from lottery.pruning.control import Control
from lottery.pruning.criterion import Criterion
from lottery.pruning.masks import RemovedAt
from lottery.pruning.strategy import Strategy
from lottery.training import checkpoints, device

FAILURE = "failed.json"
STATES = ("init", "rewind", "final")
"""The weights that a dense run leaves."""
Shapes = dict[str, torch.Size]


def network(params: Params, corpus: str, model: str) -> tuple[nn.Module, int, torch.device]:
    """The untrained network on its device, and the rows of its embedding."""
    place = device.prepare(params.device, params.threads)
    module = registry.load("lottery.models", model, "model")
    settings = params.models[model]
    options = parameters.options(settings, module.Options, model)
    built, rows = cells.build(module, options, settings, paths.tokens(corpus))
    built.precision = getattr(torch, params.precision)
    return built.to(place), rows, place


def load(params: Params, corpus: str, model: str) -> Cell:
    """Network, training and validation data and settings; the test part is not opened."""
    built, rows, place = network(params, corpus, model)
    train = params.train[paths.cell(corpus, model)]
    folder = paths.tokens(corpus)
    return cells.load_cell(built, rows, folder, place, params.models[model], train, params.rewind)


def shapes(model: nn.Module) -> Shapes:
    """The shapes of a network's parameters by name: what its checkpoints must have."""
    return {name: parameter.shape for name, parameter in model.named_parameters()}


def load_record(folder: Path, shapes: Shapes) -> RemovedAt:
    """A chain's record of what went at which level. Raises LotteryError for another network's."""
    return checkpoints.load(paths.record(folder), shapes, torch.uint8)


def strategy(name: str) -> Strategy:
    """The registered strategy ``name``."""
    return registry.load("lottery.pruning.strategies", name, "strategy").STRATEGY


def control(name: str) -> Control:
    """The registered control ``name``."""
    return registry.load("lottery.pruning.controls", name, "control").CONTROL


def criterion(name: str) -> Criterion:
    """The registered criterion ``name``."""
    return registry.load("lottery.pruning.criteria", name, "criterion").CRITERION


def sections(params: Params, corpus: str, model: str) -> dict[str, Any]:
    """The parameters that decide how a network of this cell trains, by name."""
    return {
        "model": params.models[model],
        "train": params.train[paths.cell(corpus, model)],
        "precision": params.precision,
        "threads": params.threads,
    }


def write_failure(folder: Path, level: int, reason: str) -> None:
    """Say in a run's own folder that it diverged, where and why."""
    files.write_json(folder / FAILURE, {"level": level, "reason": reason})


def failure(folder: Path) -> dict[str, Any] | None:
    """What :func:`write_failure` left, or None. Raises LotteryError for a damaged file."""
    path = folder / FAILURE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {"level": int(found["level"]), "reason": str(found["reason"])}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LotteryError(f"{path}: damaged ({error}); run 'dvc repro' to make it anew") from None
