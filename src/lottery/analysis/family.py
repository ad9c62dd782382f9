"""The family of all contrasts: the correction, what each contrast shows, and the power.

K contrasts are tested, as the claims and the levels of the run decide, not the results. Each is
tested at 0.05 / K (Bonferroni), so that the chance of any false finding is at most 5 %.

A **difference** is tested twice at that level: whether the true mean is zero (two-sided), and
whether it is the margin or more away from zero (two one-sided tests, Schuirmann 1987). At most one
of these two nulls is true, so both tests together are wrong no more often than one. (Taking the
smaller p of the two into Holm's procedure is wrong 9 to 13 % of the time.) A **match** is tested
against minus the margin, two-sided: it is better than that, or worse. A **ticket** is compared
between two cells, two-sided; accuracy's margin means nothing there.
"""

import numpy as np
import pandas as pd

from lottery.analysis import t_tests

ALPHA = 0.05
ABOVE, BELOW = "above", "below"
NO_DIFFERENCE = "no difference beyond the margin"
SMALLER = "a difference smaller than the margin"
UNDECIDED, NOT_TESTED = "undecided", "not tested"


def judged(contrasts: pd.DataFrame, margin: float) -> pd.DataFrame:
    """``contrasts`` with what the tests say.

    - ``margin``: in points; NaN for tickets.
    - ``p``: two-sided, of a true mean of zero; of a match, of minus the margin.
    - ``p_equivalence``: of a true mean that is the margin or more away from zero.
    - ``p_corrected``, ``p_equivalence_corrected``: times the number of contrasts, at most 1.
    - ``low``, ``high``: the 95 % interval of this contrast alone.
    - ``family_low``, ``family_high``: the interval that the finding rests on. It has a confidence
      of 1 - 0.05 / K; of 1 - 0.1 / K where the difference was shown to be within the margin.
    - ``minimum_detectable_effect``: the smallest distance from the null (zero; of a match, minus
      the margin) that is found 8 times in 10.
    - ``finding``: :func:`findings`.
    - ``finding_with_documents``: the same with ``standard_error_with_documents``, missing where
      that is.

    A contrast without a p, such as one of a single seed, is undecided. ``contrasts`` has test,
    n, effect, standard_error, df, is_tested and standard_error_with_documents.
    """
    table = contrasts.copy()
    tests = max(int(table.is_tested.sum()), 1)
    effect, df = table.effect.astype(float), table.df.astype(float)
    error = table.standard_error.astype(float)
    table["margin"] = np.where(table.test == "ticket", np.nan, margin)
    table["p"], table["p_equivalence"] = _p_values(table, error)
    for name in ("p", "p_equivalence"):
        table[f"{name}_corrected"] = corrected(table[name], tests)
    table["finding"] = _findings(table, error, tests)
    is_equivalent = table.finding.isin([NO_DIFFERENCE, SMALLER])
    confidence = 1 - ALPHA / tests * np.where(is_equivalent, 2, 1)
    table["low"], table["high"] = t_tests.interval(effect, error, df, 1 - ALPHA)
    table["family_low"], table["family_high"] = t_tests.interval(effect, error, df, confidence)
    table["minimum_detectable_effect"] = [
        t_tests.minimum_detectable_effect(one_error, one_df, ALPHA / tests)
        for one_error, one_df in zip(error, df, strict=True)
    ]
    with_documents = table.standard_error_with_documents.astype(float)
    changed = _findings(table, with_documents, tests)
    table["finding_with_documents"] = pd.Series(changed, table.index).where(with_documents.notna())
    return table


def corrected(p: pd.Series, tests: int) -> pd.Series:
    """Bonferroni's correction of ``p`` for so many ``tests``."""
    return (p * tests).clip(upper=1)


def findings(distance: np.ndarray, p: np.ndarray, p_equivalence: np.ndarray) -> np.ndarray:
    """What each contrast shows, from its corrected p (NaN where there is no such test).

    ``distance`` is that of the effect from the null. Where the difference test rejects, the true
    mean is :data:`ABOVE` or :data:`BELOW` the null. Where the equivalence test does,
    there is :data:`NO_DIFFERENCE` beyond the margin. Where both do, there is a difference, and it
    is :data:`SMALLER` than the margin.
    """
    differs, is_within = np.asarray(p) < ALPHA, np.asarray(p_equivalence) < ALPHA
    cases = [differs & is_within, is_within, differs & (distance > 0), differs]
    return np.select(cases, [SMALLER, NO_DIFFERENCE, ABOVE, BELOW], UNDECIDED)


def _p_values(table: pd.DataFrame, error: pd.Series) -> tuple[pd.Series, pd.Series]:
    effect, df = table.effect.astype(float), table.df.astype(float)
    p = pd.Series(t_tests.p_difference(effect, error, df, _null(table)), table.index)
    p_equivalence = pd.Series(t_tests.p_equivalence(effect, error, df, table.margin), table.index)
    return p, p_equivalence.where(table.test == "difference")


def _null(table: pd.DataFrame) -> np.ndarray:
    """The value that the true mean is tested against."""
    return np.where(table.test == "matching", -table.margin, 0.0)


def _findings(table: pd.DataFrame, error: pd.Series, tests: int) -> np.ndarray:
    p, p_equivalence = (corrected(values, tests) for values in _p_values(table, error))
    distance = table.effect.to_numpy(float) - _null(table)
    result = findings(distance, p.to_numpy(), p_equivalence.to_numpy())
    return np.where(table.is_tested, result, NOT_TESTED)
