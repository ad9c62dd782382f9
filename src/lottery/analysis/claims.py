"""``claims.yaml``: what is tested, written down before the run; and the verdict on each claim."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass

from lottery.analysis.tidy import DENSE
from lottery.config import plugins, strict_yaml, validation
from lottery.config.plugins import suggestion
from lottery.errors import LotteryError, brief

STRATEGIES, CONTROLS = "lottery.pruning.strategies", "lottery.pruning.controls"
"""The packages whose modules a claim can name; their names are read, nothing is imported."""
SUPPORTED, CONTRADICTED = "supported", "contradicted"
UNDECIDED, NOT_TESTED = "undecided", "not tested"
COLUMNS = ["claim", "sentence", "verdict", "supported", "contradicted", "undecided", "not_tested"]

Cells = Mapping[str, tuple[str, str]]
"""The corpus and the model of each cell, by the cell's name."""
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
    embedding_std_at_most: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    def __post_init__(self) -> None:
        strategies = plugins.names(STRATEGIES)
        arms = [*strategies, *plugins.names(CONTROLS)]
        for name in self.of:
            _refuse_unknown(name, arms)
        for name in self.against:
            _refuse_unknown(name, [*arms, DENSE])
        if self.sparsity is None and self.test != "ticket":
            raise ValueError(f"test '{self.test}' needs 'sparsity': [from, to]")
        if self.sparsity and self.test == "ticket":
            raise ValueError("test 'ticket' takes no 'sparsity'; remove it")
        if self.sparsity and self.sparsity[0] > self.sparsity[1]:
            raise ValueError("'sparsity' must go from the smaller to the larger value")
        if self.test == "matching" and not (
            len(self.of) == 1 and self.against == (DENSE,) and self.direction == "above"
        ):
            raise ValueError(
                "test 'matching' needs one name in 'of', against: [dense] and direction: above"
            )
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


def verdicts(claims: tuple[Claim, ...], contrasts: pd.DataFrame, cells: Cells) -> pd.DataFrame:
    """One row per claim: its verdict, and how many of its contrasts have which verdict.

    The columns are :data:`COLUMNS`, in the order of the claims. ``contrasts`` comes from
    :func:`lottery.analysis.contrasts.contrasts`.
    """
    rows = []
    for claim in claims:
        of_claim = contrasts[contrasts.claim == claim.id]
        by_cell = list(zip(of_claim.cell, of_claim.verdict, strict=True))
        counts = Counter(verdict for _, verdict in by_cell)
        verdict = combined(by_cell, claim.combine, cells)
        tally = [counts[name] for name in (SUPPORTED, CONTRADICTED, UNDECIDED, NOT_TESTED)]
        rows.append((claim.id, claim.sentence, verdict, *tally))
    return pd.DataFrame(rows, columns=COLUMNS)


def combined(by_cell: list[tuple[str, str]], rule: str, cells: Cells) -> str:
    """The verdict on a claim, from (cell, verdict) of its contrasts, by a rule of ``claims.yaml``.

    The rule sorts cells into groups. One supported cell supports its group, and a group is
    contradicted only if all of its cells are. The claim is supported if every group is, and
    contradicted if one group is. Cells that were not tested do not count.
    """
    groups: dict[str, list[str]] = {}
    for cell, verdict in by_cell:
        if verdict != NOT_TESTED:
            groups.setdefault(_group(cell, rule, cells), []).append(verdict)
    if not groups:
        return NOT_TESTED
    if any(set(group) == {CONTRADICTED} for group in groups.values()):
        return CONTRADICTED
    # A run with a single model says nothing about "both models".
    enough = len(groups) > 1 or rule in ("every_cell", "any")
    if enough and all(SUPPORTED in group for group in groups.values()):
        return SUPPORTED
    return UNDECIDED


def _group(cell: str, rule: str, cells: Cells) -> str:
    """The group that ``cell`` counts in.

    With the rules every_cell and any, ``cell`` may also be a pair of cells, "one vs other".
    """
    if rule == "every_cell":
        return cell
    if rule == "any":
        return ""
    corpus, model = cells[cell]
    return model if rule == "every_model" else corpus
