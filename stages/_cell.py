"""One cell of the grid as the stages train, prune and evaluate load it."""

import torch
from torch import nn

from lottery import params as parameters
from lottery import paths, registry, runs
from lottery.params import Params
from lottery.pruning.strategy import Strategy
from lottery.runs import Cell
from lottery.training import device


def network(params: Params, corpus: str, model: str) -> tuple[nn.Module, int, torch.device]:
    """The untrained network on its device, and the rows of its embedding."""
    place = device.prepare(params.device, params.threads)
    module = registry.load("lottery.models", model, "model")
    settings = params.models[model]
    options = parameters.options(settings, module.Options, model)
    built, rows = runs.build(module, options, settings, paths.tokens(corpus))
    built.precision = getattr(torch, params.precision)
    return built.to(place), rows, place


def load(params: Params, corpus: str, model: str) -> Cell:
    """Network, training and validation data and settings; the test part is not opened."""
    built, rows, place = network(params, corpus, model)
    train = params.train[paths.cell(corpus, model)]
    folder = paths.tokens(corpus)
    return runs.load_cell(built, rows, folder, place, params.models[model], train, params.rewind)


def strategy(name: str) -> Strategy:
    """The registered strategy ``name``."""
    return registry.load("lottery.pruning.strategies", name, "strategy").STRATEGY
