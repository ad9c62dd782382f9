"""Whether the section ``transfer`` of params.yaml can run."""

from lottery.config import plugins
from lottery.config.plugins import suggestion
from lottery.config.schema import Params
from lottery.errors import LotteryError

PACKAGE = "lottery.pruning.transfers"


def check(settings: Params) -> None:
    """Raise LotteryError for an arm that does not exist or has the name of another one, and for
    pairs that cannot be trained."""
    for index, name in enumerate(settings.transfer.arms):
        key = f"transfer.arms.{index}"
        try:
            plugins.load(PACKAGE, name, "transferred arm")
        except LotteryError as error:
            raise LotteryError(f"{key}: {error}") from None
        for other in ("strategies", "controls"):
            if name in getattr(settings, other):
                raise LotteryError(f"{key}: '{name}' is already listed under {other}")
    _check_pairs(settings)
    if settings.transfer.pairs and not settings.transfer.levels:
        raise LotteryError("transfer.levels: empty; name the levels whose tickets are transferred")


def _check_pairs(settings: Params) -> None:
    """Raise LotteryError for a corpus that does not exist, or has two parts."""
    parts: dict[str, str] = {}
    for index, pair in enumerate(settings.transfer.pairs):
        key = f"transfer.pairs.{index}"
        for part, name in (("from", pair.source), ("to", pair.target)):
            if name not in settings.corpora:
                hint = suggestion(name, list(settings.corpora))
                raise LotteryError(f"{key}.{part}: unknown corpus '{name}'{hint}")
        if pair.source == pair.target:
            raise LotteryError(f"{key}: both are '{pair.source}'; name two corpora")
        for part, name in (("from", pair.source), ("to", pair.target)):
            earlier = parts.setdefault(name, f"{key}.{part}")
            is_source_again = part == "from" and earlier.endswith(".from")
            if earlier != f"{key}.{part}" and not is_source_again:
                raise LotteryError(
                    f"{key}.{part}: '{name}' is also {earlier}; a corpus is either a source or the "
                    "target of one source, so list it in corpora once more, under another name"
                )
