"""``claims.yaml``: what is tested, written down before the run; and each claim's verdict."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass

from lottery import registry, strict
from lottery.analysis.paired import DENSE
from lottery.errors import LotteryError
from lottery.registry import suggestion

STRATEGIES, CONTROLS = "lottery.pruning.strategies", "lottery.pruning.controls"
"""Whose modules a claim can name; their names are read, the modules are not imported."""
SUPPORTED, CONTRADICTED = "supported", "contradicted"
UNDECIDED, NOT_TESTED = "undecided", "not tested"
COLUMNS = ["claim", "sentence", "verdict", "supported", "contradicted", "undecided", "not_tested"]

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Names = Annotated[tuple[str, ...], Field(min_length=1)]


@dataclass(frozen=True, config=strict.CONFIG)
class Claim:
    """One entry; the head of ``claims.yaml`` explains the keys."""

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
        chains = registry.names(STRATEGIES)
        known = [*chains, *registry.names(CONTROLS)]
        for name in self.of:
            _refuse_unknown(name, known)
        for name in self.against:
            _refuse_unknown(name, [*known, DENSE])
        if (self.sparsity is None) != (self.test == "ticket"):
            raise ValueError("give 'sparsity' [from, to], except where the test is of tickets")
        if self.sparsity and self.sparsity[0] > self.sparsity[1]:
            raise ValueError("'sparsity' runs from the smaller to the larger")
        if self.test == "matching" and not (
            len(self.of) == 1 and self.against == (DENSE,) and self.direction == "above"
        ):
            raise ValueError("'matching' is of one strategy, above, against [dense]")
        if self.test == "ticket" and not (
            len(self.of) == 1
            and self.against == self.of
            and self.of[0] in chains
            and self.combine in ("every_cell", "any")
            and self.direction == "different"
        ):
            raise ValueError(
                "'ticket' is of one chain against itself in another cell, direction different, "
                "combine every_cell or any"
            )


def _refuse_unknown(name: str, known: list[str]) -> None:
    if name not in known:
        raise ValueError(f"unknown strategy {strict.shown(name)}{suggestion(name, known)}")


def load(path: Path) -> tuple[Claim, ...]:
    """Read and check the claims.

    Raises LotteryError for a file that is missing or no YAML, for a key or strategy that is not
    known, a contrast that cannot be, or an id that stands twice.
    """
    entries = strict.read_yaml(path)
    if not isinstance(entries, list) or not entries:
        raise LotteryError(f"{path}: expected a list of claims, found {strict.shown(entries)}")
    found: dict[str, Claim] = {}
    for number, entry in enumerate(entries, 1):
        claim: Claim = strict.checked(Claim, entry, str(path), (_name(entry, number),))
        if claim.id in found:
            raise LotteryError(f"{path}: {claim.id}: stands twice; give each claim its own id")
        found[claim.id] = claim
    return tuple(found.values())


def _name(entry: Any, number: int) -> str:
    """What an error calls the entry: its id, if it has one."""
    name = entry.get("id") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else f"claim {number}"


def verdicts(claims: tuple[Claim, ...], contrasts: pd.DataFrame) -> pd.DataFrame:
    """One verdict a claim, of its contrasts by its rule, and how many contrasts say what.

    ``contrasts`` is :func:`lottery.analysis.contrasts.contrasts`'s; the result has
    :data:`COLUMNS`, in the claims' order.
    """
    rows = []
    for claim in claims:
        own = contrasts[contrasts.claim == claim.id]
        by_cell = list(zip(own.cell, own.verdict, strict=True))
        counts = Counter(verdict for _, verdict in by_cell)
        verdict = combined(by_cell, claim.combine)
        said = [counts[one] for one in (SUPPORTED, CONTRADICTED, UNDECIDED, NOT_TESTED)]
        rows.append((claim.id, claim.sentence, verdict, *said))
    return pd.DataFrame(rows, columns=COLUMNS)


def combined(by_cell: list[tuple[str, str]], rule: str) -> str:
    """The claim's verdict from (cell, verdict), by the rule that ``claims.yaml`` states.

    Cells fall into groups; one supported cell supports its group, only contradicted cells
    contradict it. Every group must be supported, and one contradicted group contradicts the claim.
    What was not tested is left out.
    """
    groups: dict[str, list[str]] = {}
    for cell, verdict in by_cell:
        corpus, _, model = cell.rpartition("-")
        key = {"every_cell": cell, "every_model": model, "every_corpus": corpus, "any": ""}[rule]
        if verdict != NOT_TESTED:
            groups.setdefault(key, []).append(verdict)
    if not groups:
        return NOT_TESTED
    if any(set(group) == {CONTRADICTED} for group in groups.values()):
        return CONTRADICTED
    # "Both models" cannot be said of a run that has one.
    enough = len(groups) > 1 or rule in ("every_cell", "any")
    if enough and all(SUPPORTED in group for group in groups.values()):
        return SUPPORTED
    return UNDECIDED
