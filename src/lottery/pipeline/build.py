"""The network and the cell of a run, from params.yaml and the token arrays, and its training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lottery.config import params as parameters
from lottery.config import plugins
from lottery.experiment import cell
from lottery.experiment.cell import Cell, Settings
from lottery.experiment.replicate import Replicate
from lottery.pipeline.reporter import Reporter
from lottery.training import device
from lottery.training.checkpointing import Checkpointer

if TYPE_CHECKING:
    from lottery.config.grid import Run


def network(run: Run) -> nn.Module:
    """The untrained network of the run's cell, on its device."""
    params = run.params
    target = device.prepare(params.device, params.threads, params.precision)
    module = plugins.load("lottery.models", run.model, "model")
    options = parameters.options(run.model_settings, module.Options, run.model)
    model: Any = cell.build(module, options, run.model_settings, run.tokens)
    model.precision = device.DTYPES[params.precision]
    network: nn.Module = model.to(target)
    return network


def load_cell(run: Run, seed: int) -> Cell:
    """The network with the training and validation set of ``seed``; the test set is not opened."""
    model = network(run)
    settings = Settings(run.model_settings, run.train_settings, run.params.prune, run.params.rewind)
    return cell.load(model, run.tokens, settings, next(model.parameters()).device, seed)


def replicate(cell: Cell, seed: int, checkpointer: Checkpointer, reporter: Reporter) -> Replicate:
    """One seed of ``cell``, which tells ``reporter`` how far it is; it trains alone unless the
    ``reporter`` says otherwise."""
    make = reporter.replicate or Replicate
    return make(cell, seed, checkpointer, reporter.after_epoch, reporter.after_batch)


def shapes(model: nn.Module) -> dict[str, torch.Size]:
    """The shapes of a network's parameters by name: what its files must have."""
    return {name: parameter.shape for name, parameter in model.named_parameters()}
