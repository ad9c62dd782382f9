"""Simulated runs whose true effects we set: how often verdicts and intervals are wrong."""

import gc
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from lottery.analysis.claims import Claim
from lottery.analysis.contrasts import contrasts
from lottery.analysis.paired_tests import minimum_detectable_effect

pytestmark = pytest.mark.slow

RUNS = 1000
SEEDS = 5
CELLS = ("a-cnn", "b-cnn")
LEVELS = (1, 2)
NOISE = 0.4
"""Points of accuracy between trainings that share a seed; seeds themselves differ by a point."""
SPREAD = NOISE * np.sqrt(1 / len(LEVELS) + 1)
"""Of a seed's difference from dense, averaged over levels."""
MARGIN = 0.5


def claim(name: str, test: str, against: str) -> Claim:
    return Claim(
        id=name,
        sentence="So it is.",
        test=test,  # type: ignore[arg-type]
        of=("winning_ticket",),
        against=(against,),
        combine="every_cell",
        sparsity=(0.1, 0.9),
    )


TO_DENSE = claim("dense", "difference", "dense")
CLAIMS = (TO_DENSE, claim("reinit", "difference", "random_reinit"), claim("m", "matching", "dense"))


@pytest.fixture(autouse=True, scope="module")
def few_to_collect() -> Iterator[None]:
    """statsmodels collects garbage at each correction: a quarter of a second with all of SciPy."""
    gc.freeze()
    yield
    gc.unfreeze()


def simulated(random: np.random.Generator, ticket: float, reinit: float) -> pd.DataFrame:
    """Two pruning runs, ``ticket`` and ``reinit`` points better than the dense run they share."""
    seed_means = random.normal(85, 1, SEEDS)
    dense = seed_means + random.normal(0, NOISE, SEEDS)
    accuracies = []
    for effect in (ticket, reinit):  # in the order of "arm" below
        pruned = seed_means + effect + random.normal(0, NOISE, (len(LEVELS), SEEDS))
        accuracies.append(np.vstack([dense, pruned]).ravel())
    levels = np.repeat([0, *LEVELS], SEEDS)
    return pd.DataFrame(
        {
            "arm": np.repeat(["winning_ticket", "random_reinit"], len(levels)),
            "seed": np.tile(np.arange(SEEDS), 2 * (1 + len(LEVELS))),
            "level": np.tile(levels, 2),
            "sparsity": np.tile(levels * 0.3, 2),
            "test_accuracy": np.concatenate(accuracies),
        }
    )


def runs(
    claims: tuple[Claim, ...], ticket: float, reinit: float, seed: int
) -> Iterator[pd.DataFrame]:
    random = np.random.default_rng(seed)
    for _ in range(RUNS):
        curves = {cell: simulated(random, ticket, reinit) for cell in CELLS}
        yield contrasts(claims, curves, {}, MARGIN, 0.5, {})


@pytest.mark.parametrize(
    ("ticket", "reinit"),
    [
        (0.0, 0.0),  # no effect
        (-MARGIN, -MARGIN),  # at the margin, where a match is the easiest to claim wrongly
        (0.0, -2.0),  # two points, where what is rejected first eases Holm's later steps
    ],
)
def test_false_verdicts_and_intervals(ticket: float, reinit: float) -> None:
    """At most 5 % of runs have any false verdict, 95 % of intervals hold the truth."""
    truth = {"dense": ticket, "reinit": ticket - reinit, "m": ticket}
    null = {"dense": 0.0, "reinit": 0.0, "m": -MARGIN}
    false, covered, detected = [], [], 0
    for table in runs(CLAIMS, ticket, reinit, 1):
        beyond = table.claim.map(truth) - table.claim.map(null)
        wrong = ((table.verdict == "supported") & (beyond <= 0)) | (
            (table.verdict == "contradicted") & (beyond >= 0)
        )
        false.append(wrong.any())
        held = table.claim.map(truth).between(table.low, table.high)
        covered.append(held.mean())
        detected += int((table.verdict[table.claim == "reinit"] == "supported").sum())
    assert np.mean(false) <= 0.065
    error = np.std(covered) / np.sqrt(RUNS)
    assert abs(np.mean(covered) - 0.95) < 3 * error
    if reinit == -2:
        assert detected > 0.9 * RUNS * len(CELLS)


def test_the_stated_power_is_right() -> None:
    """The minimum detectable effect is found at Holm's first level in 80 % of runs."""
    effect = minimum_detectable_effect(float(SPREAD), SEEDS, len(CELLS))
    detected, stated = [], []
    for table in runs((TO_DENSE,), effect, 0, 2):
        detected.append(((table.p < 0.05 / len(CELLS)) & (table.effect > 0)).mean())
        stated.append(table.detectable.mean())
    assert abs(np.mean(detected) - 0.8) < 3 * np.sqrt(0.8 * 0.2 / (RUNS * len(CELLS)))
    # A run knows only its own spread: the mean standard deviation of five is 0.94 of the true one.
    assert np.mean(stated) == pytest.approx(0.94 * effect, rel=0.03)
