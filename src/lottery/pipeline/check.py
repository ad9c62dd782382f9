"""Whether everything that params.yaml names exists, before any stage runs."""

from pathlib import Path
from types import ModuleType

from lottery.config import params, plugins
from lottery.config.grid import WINNING_TICKET
from lottery.config.schema import Corpus, Params
from lottery.data.sources import nearby, outputs, tabular
from lottery.errors import LotteryError, clipped, one_line

MODULES = Path("src/lottery/corpora")


def check(settings: Params, root: Path = Path()) -> None:
    """Raise LotteryError for a corpus, tokenizer, model, option, strategy, control or criterion
    that does not exist, and for a file of the user's that a stage would overwrite."""
    for name, corpus in settings.corpora.items():
        _check_source(name, corpus, root)
        outputs.refuse(name, corpus, settings.corpora, root)
    _load(
        "lottery.data.text.tokenizers", settings.tokens.tokenizer, "tokenizer", "tokens.tokenizer"
    )
    for name, model in settings.models.items():
        module = _load("lottery.models", name, "model", f"models.{name}")
        params.options(model, module.Options, name)
    for index, name in enumerate(settings.strategies):
        _load("lottery.pruning.strategies", name, "strategy", f"strategies.{index}")
    if WINNING_TICKET not in settings.strategies:
        raise LotteryError(
            f"strategies: '{WINNING_TICKET}' is missing; controls and connectivity need its tickets"
        )
    for index, name in enumerate(settings.controls):
        _load("lottery.pruning.controls", name, "control", f"controls.{index}")
        if name in settings.strategies:
            raise LotteryError(f"controls.{index}: '{name}' is already listed under strategies")
    _load("lottery.pruning.criteria", settings.prune.criterion, "criterion", "prune.criterion")


def _check_source(name: str, corpus: Corpus, root: Path) -> None:
    """Raise LotteryError unless ``source`` is the user's file or a corpus module."""
    source = Path(corpus.source)
    if not _is_file(root / source):
        flaw = "not found"
    elif not corpus.is_file and (source.parent != MODULES or source.name[0] == "_"):
        flaw = (
            f"is not a corpus module; those are in {MODULES}, and a file of your own must not end "
            "in .py"
        )
    else:
        return
    modules = [str(MODULES / f"{module}.py") for module in plugins.names("lottery.corpora")]
    if corpus.is_file:
        hint = nearby.suggestion(source, tabular.FILE_ENDINGS, root, modules)
        hint = hint or "; give its path from the root of the repository"
    else:
        hint = plugins.suggestion(corpus.source, modules)
    path = clipped(one_line(corpus.source), 200)
    raise LotteryError(f"corpora.{name}.source: {path} {flaw}{hint}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A name that is too long, or a folder that may not be entered.
        return False


def _load(package: str, name: str, what: str, key: str) -> ModuleType:
    """``plugins.load``, with the key in its error."""
    try:
        return plugins.load(package, name, what)
    except LotteryError as error:
        raise LotteryError(f"{key}: {error}") from None
