"""``claims.yaml``: what is tested, written down before the run."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from lottery.analysis.level_range import LevelRange
from lottery.analysis.tidy import DENSE
from lottery.config import plugins, strict_yaml, validation
from lottery.config.plugins import suggestion
from lottery.errors import LotteryError, brief

STRATEGIES, CONTROLS = "lottery.pruning.strategies", "lottery.pruning.controls"
TRANSFERS = "lottery.pruning.transfers"
"""The packages whose modules a claim can name; their names are read, nothing is imported."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Names = Annotated[tuple[str, ...], Field(min_length=1)]


@dataclass(frozen=True, config=validation.STRICT)
class Claim:
    """One entry of ``claims.yaml``, whose header explains the keys."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=100)]
    sentence: Annotated[str, Field(min_length=1, max_length=300)]
    test: Literal["difference", "matching", "ticket"]
    of: Names
    against: Names
    combine: Literal["every_cell", "every_model", "every_corpus", "any"]
    direction: Literal["above", "below", "different"] = "above"
    sparsity: Annotated[tuple[Share, ...], Field(min_length=2, max_length=2)] | None = None
    sparsity_at_least: Share | None = None
    sparsity_nearest: Share | None = None
    embedding_std_at_most: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    def __post_init__(self) -> None:
        strategies = plugins.names(STRATEGIES)
        arms = [*strategies, *plugins.names(CONTROLS), *plugins.names(TRANSFERS)]
        for name in self.of:
            _refuse_unknown(name, arms)
        for name in self.against:
            _refuse_unknown(name, [*arms, DENSE])
        self._check_levels()
        if self.test == "matching" and not (len(self.against) == 1 and self.direction == "above"):
            raise ValueError("test 'matching' needs one network in 'against' and direction: above")
        if self.test == "ticket" and not (
            len(self.of) == 1
            and self.against == self.of
            and self.of[0] in strategies
            and self.combine in ("every_cell", "any")
            and self.direction == "different"
        ):
            raise ValueError(
                "test 'ticket' needs one strategy (not a control) in 'of', the same in 'against', "
                "direction: different, and combine: every_cell or any"
            )

    def _check_levels(self) -> None:
        keys = ("sparsity", "sparsity_at_least", "sparsity_nearest")
        count = sum(getattr(self, key) is not None for key in keys)
        if self.test == "ticket" and count:
            raise ValueError(f"test 'ticket' takes none of {', '.join(keys)}; remove it")
        if self.test != "ticket" and count != 1:
            raise ValueError(f"test '{self.test}' needs one of {', '.join(keys)}")
        if self.sparsity and self.sparsity[0] > self.sparsity[1]:
            raise ValueError("'sparsity' must go from the smaller to the larger value")

    @property
    def levels(self) -> LevelRange:
        """Which levels are compared."""
        if self.sparsity:
            return LevelRange("range", *self.sparsity)
        if self.sparsity_at_least is not None:
            return LevelRange("at_least", self.sparsity_at_least)
        if self.sparsity_nearest is not None:
            return LevelRange("nearest", self.sparsity_nearest)
        return LevelRange("ticket")


def _refuse_unknown(name: str, arms: list[str]) -> None:
    if name not in arms:
        raise ValueError(f"unknown strategy or control {brief(name)}{suggestion(name, arms)}")


def load(path: Path) -> tuple[Claim, ...]:
    """The claims in ``path``, in the order of the file, checked.

    Raises LotteryError for a file that is missing or not YAML, an unknown key or strategy, keys
    that do not go together, or an id that appears twice.
    """
    entries = strict_yaml.read_yaml(path)
    if not isinstance(entries, list) or not entries:
        raise LotteryError(f"{path}: expected a list of claims, got {brief(entries)}")
    claims: dict[str, Claim] = {}
    for number, entry in enumerate(entries, 1):
        claim: Claim = validation.validate(Claim, entry, str(path), (_name(entry, number),))
        if claim.id in claims:
            raise LotteryError(f"{path}: {claim.id}: appears twice; give each claim its own id")
        claims[claim.id] = claim
    return tuple(claims.values())


def _name(entry: Any, number: int) -> str:
    """What an error calls the entry: its id if it has one, otherwise its number."""
    name = entry.get("id") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else f"claim {number}"
