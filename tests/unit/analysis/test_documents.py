"""What the test documents add: against statsmodels' analysis of variance, and by simulation."""

import math

import numpy as np
import pandas as pd
import pytest
from accuracy_curves import claim
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from lottery.analysis import documents
from lottery.analysis.contrasts import Contrast, needed
from lottery.analysis.level_range import LevelRange

OF_DOCUMENTS = st.tuples(st.integers(2, 5), st.integers(2, 8))


def test_the_terms_are_those_of_an_analysis_of_variance() -> None:
    random = np.random.default_rng(0)
    seeds, size = 5, 14
    differences = random.normal(0, 30, seeds)[:, None] + random.normal(0, 80, (seeds, size))
    differences += random.normal(0, 60, size)
    terms = documents.terms(differences)
    rows = pd.DataFrame(differences).stack().rename_axis(["seed", "document"]).rename("value")
    squares = anova_lm(ols("value ~ C(seed) + C(document)", rows.reset_index()).fit()).mean_sq
    assert terms.seed_variance == pytest.approx(squares["C(seed)"] / size)
    assert terms.document_variance == pytest.approx(squares["C(document)"] / seeds)
    assert terms.residual_variance == pytest.approx(squares["Residual"])
    of_both = (squares["C(seed)"] + squares["C(document)"] - squares["Residual"]) / (seeds * size)
    assert terms.standard_error == pytest.approx(math.sqrt(of_both))
    assert (terms.seeds, terms.documents) == (seeds, size)
    assert terms.effect == pytest.approx(differences.mean())


@given(
    OF_DOCUMENTS.flatmap(
        lambda shape: arrays(float, shape, elements=st.sampled_from([-100, 0, 100]))
    )
)
def test_never_below_the_seeds_alone(differences: np.ndarray) -> None:
    terms = documents.terms(differences)
    of_seeds = stats.sem(differences.mean(1))
    assert terms.standard_error >= of_seeds - 1e-9
    assert documents.terms(differences[::-1, ::-1]) == pytest.approx(terms)


@pytest.mark.parametrize("shape", [(0, 0), (1, 5), (5, 1)])
def test_one_seed_or_document_has_no_error(shape: tuple[int, int]) -> None:
    terms = documents.terms(np.ones(shape))
    assert math.isnan(terms.standard_error)
    assert terms.seeds == shape[0]


def test_which_logits_measure_which_contrast() -> None:
    claims = (
        claim(),
        claim(id="match", test="matching"),  # the same arms and levels
        claim(id="late", of=("late_rewinding",), against=("winning_ticket",)),
        claim(id="late_dense", of=("late_rewinding",), against=("dense",)),
        claim(id="control", against=("reinit_same_mask",)),
        claim(id="neither", of=("late_rewinding",), against=("reinit_same_mask",)),
        claim(id="tickets", test="ticket", combine="any"),
    )
    required = {contrast: one.levels for one, contrast in needed(claims, {"a": 0.1, "b": 0.1})}
    required = {key: levels for key, levels in required.items() if key.cell.startswith("a")}
    measured = {
        arm: [
            (contrast.of, contrast.against)
            for contrast in documents.required_of(arm, "winning_ticket", required)
        ]
        for arm in ("winning_ticket", "late_rewinding", "reinit_same_mask")
    }
    assert measured == {
        "winning_ticket": [("winning_ticket", "dense")],
        "late_rewinding": [("late_rewinding", "winning_ticket"), ("late_rewinding", "dense")],
        "reinit_same_mask": [("winning_ticket", "reinit_same_mask")],
    }


def test_the_effect_is_that_of_the_t_test() -> None:
    """Averaged over levels, on the seeds that have them all, dense being level 0 of the seed."""
    random = np.random.default_rng(1)
    ticket = {seed: {level: random.random(50) < 0.8 for level in range(3)} for seed in (3, 1, 2)}
    late = {seed: {level: random.random(50) < 0.7 for level in range(1, 3)} for seed in (1, 2)}
    del late[2][2]
    sparsity = pd.Series(
        [0.0, 0.5, 0.7, 0.5, 0.7],
        pd.MultiIndex.from_tuples(
            [*(("winning_ticket", level) for level in range(3)), ("late", 1), ("late", 2)]
        ),
    )
    levels = LevelRange("range", 0.4, 0.8)
    required = {
        Contrast("a", "difference", *arms, str(levels)): levels
        for arms in (("winning_ticket", "dense"), ("late", "winning_ticket"), ("snip", "dense"))
    }
    table = documents.table(
        required, {"winning_ticket": ticket, "late": late, "snip": {}}, sparsity
    )
    assert list(table.columns) == documents.COLUMNS
    assert table.of.tolist() == ["winning_ticket", "late"]
    assert table.seeds.tolist() == [3, 1]
    assert table.levels.tolist() == ["1 2", "1 2"]
    means = [
        100 * np.mean([ticket[seed][level].mean() - ticket[seed][0].mean() for level in (1, 2)])
        for seed in ticket
    ]
    assert table.effect[0] == pytest.approx(np.mean(means))
    assert math.sqrt(table.seed_variance[0] / 3) == pytest.approx(stats.sem(means))
    assert math.isnan(table.standard_error[1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("of_seed", "of_document"), [(0.0, 0.0), (1.0, 0.0), (0.0, 6.0), (1.0, 6.0)]
)
def test_the_error_is_that_of_other_seeds_and_documents(of_seed: float, of_document: float) -> None:
    """Over draws of both, the mean has the variance that the terms say; where the floor of the
    seeds' own error binds, that is too large rather than too small."""
    random = np.random.default_rng(2)
    seeds, size, noise, draws = 6, 40, 3.0, 10_000
    effects, squared = np.empty(draws), np.empty(draws)
    for draw in range(draws):
        differences = (
            random.normal(0, of_seed, (seeds, 1))
            + random.normal(0, of_document, size)
            + random.normal(0, noise, (seeds, size))
        )
        terms = documents.terms(differences)
        effects[draw], squared[draw] = terms.effect, terms.standard_error**2
    truth = of_seed**2 / seeds + of_document**2 / size + noise**2 / (seeds * size)
    assert effects.var() == pytest.approx(truth, rel=0.06)
    assert squared.mean() >= 0.97 * truth
    if of_document:
        assert squared.mean() == pytest.approx(truth, rel=0.06)
        p = 2 * stats.t.sf(np.abs(effects) / np.sqrt(squared), seeds - 1)
        assert (p < 0.05).mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / draws)
