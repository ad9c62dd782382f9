"""Simulated runs whose true effects we set: how often findings and intervals are wrong.

The draws go through the same functions as a run's tables, all at once; one test compares the two.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from accuracy_curves import claim

from lottery.analysis import family, t_tests, verdicts
from lottery.analysis.contrasts import contrasts, needed
from lottery.analysis.documents import terms as document_term

pytestmark = pytest.mark.slow

DRAWS = 20_000
CELLS = 2
LEVELS = 2
MARGIN = 0.5
NAMES = ("dense", "reinit", "match")
TESTS = len(NAMES) * CELLS
"""In each cell: the ticket against dense, the ticket against fresh weights, and whether it matches
dense; two of them have the dense run in common, two the same differences."""
MONTE_CARLO = 3 * np.sqrt(0.05 * 0.95 / DRAWS)
"""Three standard errors of a rate of 5 %."""


class Accuracies(NamedTuple):
    """``dense`` is ``[draws, cells, seeds]``, the others ``[draws, cells, levels, seeds]``."""

    dense: np.ndarray
    ticket: np.ndarray
    reinit: np.ndarray

    def differences(self) -> dict[str, np.ndarray]:
        """Of each contrast, averaged over levels: ``[draws, cells, seeds]``."""
        to_dense = self.ticket.mean(2) - self.dense
        return {
            "dense": to_dense,
            "reinit": (self.ticket - self.reinit).mean(2),
            "match": to_dense,
        }


def simulated(
    ticket: float, reinit: float, noise: float, seeds: int, draws: int = DRAWS
) -> Accuracies:
    """Two pruning runs, ``ticket`` and ``reinit`` points better than the dense run they share.

    ``noise`` is in points, between trainings that share a seed; seeds differ by a point.
    """
    random = np.random.default_rng(1)
    luck = random.normal(85, 1, (draws, CELLS, seeds))
    dense = luck + random.normal(0, noise, luck.shape)
    pruned = (
        luck[:, :, None] + effect + random.normal(0, noise, (draws, CELLS, LEVELS, seeds))
        for effect in (ticket, reinit)
    )
    return Accuracies(dense, *pruned)


class Outcome(NamedTuple):
    """What a run's tables would say of one contrast, ``[draws, cells]``."""

    effect: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    finding: np.ndarray
    error: np.ndarray


def outcome(name: str, values: np.ndarray) -> Outcome:
    seeds = values.shape[-1]
    effect, error = values.mean(-1), values.std(-1, ddof=1) / np.sqrt(seeds)
    null = -MARGIN if name == "match" else 0.0
    p = t_tests.p_difference(effect, error, seeds - 1, null)
    within = t_tests.p_equivalence(effect, error, seeds - 1, MARGIN)
    within = np.full_like(p, np.nan) if name == "match" else within
    finding = family.findings(effect - null, p * TESTS, within * TESTS)
    return Outcome(effect, *t_tests.interval(effect, error, seeds - 1, 0.95), p, finding, error)


def is_false(name: str, truth: float, test: Outcome) -> np.ndarray:
    """Whether a finding is wrong, also in the sign of the effect that stands beside it."""
    distance = truth + MARGIN if name == "match" else truth
    is_beyond = abs(truth) >= MARGIN
    wrong_sign = np.sign(test.effect) != np.sign(truth)
    return np.select(
        [test.finding == finding for finding in (family.ABOVE, family.BELOW)]
        + [test.finding == finding for finding in (family.NO_DIFFERENCE, family.SMALLER)],
        [distance <= 0, distance >= 0, is_beyond, is_beyond | wrong_sign],
        default=False,
    )


def test_the_draws_are_tested_like_a_run() -> None:
    """A run's tables say of a draw what the arrays do."""
    draws = 60
    accuracies = simulated(0.0, -0.4, 0.15, 5, draws)
    of_draws = {name: outcome(name, values) for name, values in accuracies.differences().items()}
    claims = (
        claim(id="dense", sparsity=(0.1, 0.9)),
        claim(id="reinit", against=("random_reinit",), sparsity=(0.1, 0.9)),
        claim(id="match", test="matching", sparsity=(0.1, 0.9)),
    )
    cells = [f"c{number}-cnn" for number in range(CELLS)]
    required = needed(claims, dict.fromkeys(cells, 0.1))
    for draw in range(draws):
        curves = {cell: curve(accuracies, draw, number) for number, cell in enumerate(cells)}
        table = contrasts(required, curves, MARGIN, 0.5, {})
        for name, cell_rows in zip(NAMES, np.split(np.arange(TESTS), len(NAMES)), strict=True):
            rows, test = table.iloc[cell_rows], of_draws[name]
            assert rows.finding.tolist() == test.finding[draw].tolist()
            for column in ("effect", "low", "high", "p"):
                assert rows[column].to_numpy() == pytest.approx(getattr(test, column)[draw])
    findings = {str(value) for test in of_draws.values() for value in np.unique(test.finding)}
    assert len(findings) >= 4, "the draws show one of each"


def curve(accuracies: Accuracies, draw: int, cell: int) -> pd.DataFrame:
    rows = []
    for arm, pruned in (
        ("winning_ticket", accuracies.ticket),
        ("random_reinit", accuracies.reinit),
    ):
        by_level = [accuracies.dense[draw, cell], *pruned[draw, cell]]
        rows += [
            (arm, seed, level, 0.3 * level, value)
            for level, values in enumerate(by_level)
            for seed, value in enumerate(values)
        ]
    return pd.DataFrame(rows, columns=["arm", "seed", "level", "sparsity", "test_accuracy"])


@pytest.mark.parametrize("seeds", [5, 8])
@pytest.mark.parametrize("noise", [0.4, 0.1])  # with the second, equivalence can be shown
@pytest.mark.parametrize(
    ("ticket", "reinit"),
    [
        (0.0, 0.0),  # no effect
        (-MARGIN, -MARGIN),  # at the margin, where a match is the easiest to claim wrongly
        (MARGIN, 2 * MARGIN),  # half a point, both ways: where equivalence is
        (-MARGIN / 2, 0.0),  # within the margin: only the sign can be wrong, and a match not
        (0.0, -2.0),  # two points
        (-2.0, 0.0),  # two points below dense, which contradicts the match too
    ],
)
def test_false_findings_and_intervals(
    ticket: float, reinit: float, noise: float, seeds: int
) -> None:
    """At most 5 % of runs have any false finding, 95 % of intervals hold the truth."""
    truth = {"dense": ticket, "reinit": ticket - reinit, "match": ticket}
    false, covered = [], []
    for name, values in simulated(ticket, reinit, noise, seeds).differences().items():
        test = outcome(name, values)
        false.append(is_false(name, truth[name], test))
        covered.append((test.low <= truth[name]) & (truth[name] <= test.high))
        if name == "reinit" and reinit == -2:
            assert (test.finding == family.ABOVE).mean() > 0.8
        if ticket == -2:
            assert (test.finding == family.BELOW).mean() > (0.8 if seeds == 8 else 0.5)
        if name == "dense" and seeds == 8 and noise == 0.1 and ticket == 0:
            assert (test.finding == family.NO_DIFFERENCE).mean() > 0.8
    assert np.stack(false).any((0, 2)).mean() <= 0.05 + MONTE_CARLO
    assert np.mean(covered) == pytest.approx(0.95, abs=MONTE_CARLO)


@pytest.mark.parametrize("seeds", [5, 8])
def test_twelve_matches_at_the_margin(seeds: int) -> None:
    """Any of twelve is decided, wrongly, as often as twelve tests at 0.05 / 12 say, no more."""
    tests, random = 12, np.random.default_rng(2)
    values = random.normal(-MARGIN, 0.4, (DRAWS, tests, seeds))
    effect, error = values.mean(-1), values.std(-1, ddof=1) / np.sqrt(seeds)
    p = t_tests.p_difference(effect, error, seeds - 1, -MARGIN)
    finding = family.findings(effect + MARGIN, p * tests, np.full_like(p, np.nan))
    is_any = (finding != family.UNDECIDED).any(1)
    assert is_any.mean() == pytest.approx(1 - (1 - 0.05 / tests) ** tests, abs=MONTE_CARLO)


@pytest.mark.parametrize("rule", ["every_cell", "every_model", "every_corpus", "any"])
@pytest.mark.parametrize(
    ("ticket", "reinit"), [(0.0, 0.0), (-MARGIN, -MARGIN), (0.0, MARGIN), (-2.0, 0.0), (0.0, -2.0)]
)
def test_false_verdicts(ticket: float, reinit: float, rule: str) -> None:
    """At most 5 % of runs have any false verdict on a claim, whatever the rule that combines."""
    truth = {"dense": ticket, "reinit": ticket - reinit, "match": ticket}
    cells = {"a-cnn": ("a", "cnn"), "b-lstm": ("b", "lstm")}
    read = {family.ABOVE: verdicts.SUPPORTED, family.BELOW: verdicts.CONTRADICTED}
    false = []
    for name, values in simulated(ticket, reinit, 0.15, 8).differences().items():
        claims = [
            verdicts.combined(
                [(cell, read.get(v, v)) for cell, v in zip(cells, row, strict=True)], rule, cells
            )
            for row in outcome(name, values).finding.tolist()
        ]
        wrong = wrong_verdicts(name, truth[name])
        false.append([verdict in wrong for verdict in claims])
        if abs(truth[name]) == 2:
            decided = verdicts.SUPPORTED if truth[name] > 0 else verdicts.CONTRADICTED
            assert claims.count(decided) > 0.8 * DRAWS
    assert np.any(false, axis=0).mean() <= 0.05 + MONTE_CARLO


def wrong_verdicts(name: str, truth: float) -> set[str]:
    """The verdicts on a claim (above dense, above fresh weights, a match) that are not true."""
    distance = truth + MARGIN if name == "match" else truth
    wrong = {verdicts.SUPPORTED} if distance <= 0 else set()
    wrong |= {verdicts.CONTRADICTED} if distance >= 0 else set()
    wrong |= {family.NO_DIFFERENCE, family.SMALLER} if abs(truth) >= MARGIN else set()
    return wrong | ({family.SMALLER} if truth == 0 else set())


@pytest.mark.parametrize("luck_of_documents", [0.0, 30.0])
def test_a_test_over_seeds_and_documents(luck_of_documents: float) -> None:
    """With the documents' part a test errs no more often than stated; without it, more often where
    documents differ."""
    seeds, documents, draws, random = 5, 200, 10_000, np.random.default_rng(3)
    p, p_of_seeds = np.empty(draws), np.empty(draws)
    for draw in range(draws):
        values = random.normal(0, 40, (seeds, documents))
        values += random.normal(0, 2, (seeds, 1)) + random.normal(0, luck_of_documents, documents)
        terms = document_term(values)
        for result, error in (
            (p, terms.standard_error),
            (p_of_seeds, np.sqrt(terms.seed_variance / seeds)),
        ):
            result[draw] = t_tests.p_difference(terms.effect, error, seeds - 1)
    tolerance = 3 * np.sqrt(0.05 * 0.95 / draws)
    assert (p < 0.05).mean() <= 0.05 + tolerance
    if luck_of_documents:
        assert (p_of_seeds < 0.05).mean() > 0.1
    else:
        assert (p_of_seeds < 0.05).mean() == pytest.approx(0.05, abs=tolerance)


@pytest.mark.parametrize("noise", [0.4, 0.1])
def test_a_single_test_errs_as_often_as_stated(noise: float) -> None:
    """At its null: 0.05 / K for the difference, the match, and for equivalence at the margin.

    So that a correction too many would be seen as well as one too few.
    """
    level, many = 0.05 / TESTS, DRAWS * CELLS
    tolerance = 4 * np.sqrt(level / many)
    at_zero = outcome("dense", simulated(0.0, 0.0, noise, 5).differences()["dense"])
    differs = np.isin(at_zero.finding, [family.ABOVE, family.BELOW, family.SMALLER])
    assert differs.mean() == pytest.approx(level, abs=tolerance)
    at_margin = simulated(-MARGIN, 0.0, noise, 5).differences()
    match = outcome("match", at_margin["match"])
    assert (match.finding != family.UNDECIDED).mean() == pytest.approx(level, abs=tolerance)
    within = outcome("dense", at_margin["dense"])
    is_within = np.isin(within.finding, [family.NO_DIFFERENCE, family.SMALLER])
    assert is_within.mean() <= level + tolerance
    if noise == 0.1:  # with little noise the other side plays no part
        assert is_within.mean() == pytest.approx(level, abs=tolerance)


@pytest.mark.parametrize(("name", "seeds"), product(["dense", "match"], [5, 8]))
def test_the_stated_power_is_right(name: str, seeds: int) -> None:
    """The minimum detectable effect is found in 80 % of runs; of a match, from minus the margin."""
    spread = 0.4 * np.sqrt(1 / LEVELS + 1)
    alpha = 0.05 / TESTS
    effect = t_tests.minimum_detectable_effect(spread / np.sqrt(seeds), seeds - 1, alpha)
    shift = -MARGIN if name == "match" else 0.0
    test = outcome(name, simulated(effect + shift, 0.0, 0.4, seeds).differences()[name])
    is_detected = (test.p < alpha) & (test.effect > shift)
    tolerance = 3 * np.sqrt(0.8 * 0.2 / (DRAWS * CELLS))
    assert is_detected.mean() == pytest.approx(0.8, abs=tolerance)
