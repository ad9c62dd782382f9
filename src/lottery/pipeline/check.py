"""Whether params.yaml can run: everything that can be known before any stage runs."""

from pathlib import Path
from types import ModuleType

from lottery.config import grid, params, plugins
from lottery.config.grid import WINNING_TICKET
from lottery.config.plugins import suggestion
from lottery.config.schema import Params
from lottery.data.sources import outputs
from lottery.data.text import glove
from lottery.errors import LotteryError, brief
from lottery.pipeline import check_corpus, check_transfer, run_end, workers

RESERVED = ("connectivity", "dense")
"""Names that tables have for something else than an arm."""


def check(settings: Params, root: Path = Path()) -> None:
    """Raise LotteryError for what cannot run.

    That is: a corpus, model, option, arm or criterion that does not exist, a file of the user's
    that a stage would overwrite or that lacks a column, and keys that contradict each other.
    """
    for name, corpus in settings.corpora.items():
        check_corpus.check_source(name, corpus, root)
        outputs.refuse(name, corpus, settings.corpora, root)
        check_corpus.check_content(name, corpus, root)
    _load(
        "lottery.data.text.tokenizers", settings.tokens.tokenizer, "tokenizer", "tokens.tokenizer"
    )
    models = {
        name: _load("lottery.models", name, "model", f"models.{name}") for name in settings.models
    }
    options = {
        name: params.options(model, models[name].Options, name)
        for name, model in settings.models.items()
    }
    _check_arms(settings)
    check_transfer.check(settings)
    _load("lottery.pruning.criteria", settings.prune.criterion, "criterion", "prune.criterion")
    _check_vectors(settings)
    for cell in grid.cells(settings):
        run_end.check(cell, models[cell.model], options[cell.model])
    from lottery.training import device  # imports Numba, which reads what cli.main sets

    device.choose(settings.device)
    workers.processes(settings.threads, len(settings.seeds))


def _check_arms(settings: Params) -> None:
    """Raise LotteryError for a strategy or control that does not exist, or cannot have its name."""
    for index, name in enumerate(settings.strategies):
        _load("lottery.pruning.strategies", name, "strategy", f"strategies.{index}")
    if WINNING_TICKET not in settings.strategies:
        raise LotteryError(
            f"strategies: '{WINNING_TICKET}' is missing; controls and connectivity need its "
            "tickets, so add it"
        )
    if settings.export.strategy not in settings.strategies:
        raise LotteryError(
            f"export.strategy: {brief(settings.export.strategy)} is not listed under strategies"
            f"{suggestion(settings.export.strategy, list(settings.strategies))}"
        )
    for index, name in enumerate(settings.controls):
        _load("lottery.pruning.controls", name, "control", f"controls.{index}")
        if name in settings.strategies:
            raise LotteryError(f"controls.{index}: '{name}' is already listed under strategies")
    lists = {"strategies": settings.strategies, "controls": settings.controls}
    for key, names in {**lists, "transfer.arms": settings.transfer.arms}.items():
        for index, name in enumerate(names):
            if name in RESERVED:
                raise LotteryError(
                    f"{key}.{index}: '{name}' has another meaning in the tables; rename its file"
                )


def _check_vectors(settings: Params) -> None:
    """Raise LotteryError for a model that needs vectors which are not there, or of another size."""
    choices = ", ".join(glove.READERS)
    for name, model in settings.models.items():
        if model.embedding != "vectors":
            continue
        if settings.tokens.vectors is None:
            raise LotteryError(
                f"models.{name}.embedding: vectors, but tokens.vectors is null; name a set there "
                f"({choices}), or use embedding: random"
            )
        dim = glove.READERS[settings.tokens.vectors][0]
        if model.dim != dim:
            raise LotteryError(
                f"models.{name}.dim: {model.dim}, but the vectors of tokens.vectors "
                f"({settings.tokens.vectors}) have {dim} numbers; use dim: {dim}, or other vectors"
            )


def _load(package: str, name: str, what: str, key: str) -> ModuleType:
    """``plugins.load``, with the key in its error."""
    try:
        return plugins.load(package, name, what)
    except LotteryError as error:
        raise LotteryError(f"{key}: {error}") from None
