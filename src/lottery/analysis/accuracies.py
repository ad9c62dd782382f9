"""Test accuracies by arm, seed and level, and their differences on the same seeds.

A seed fixes the initial weights and the data order, so two arms on one seed share its luck and
their difference does not contain it.
"""

import pandas as pd

from lottery.analysis.tidy import DENSE


def by_arm(curve: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The test accuracy (percent) of each arm, seed by level; ``dense`` has level 0 only.

    ``curve`` has arm, seed, level and test_accuracy. All pruning runs of a seed start from
    the same dense run, so a seed is in ``dense`` if it is in any of them.
    """
    wide = curve.pivot(index="seed", columns=["arm", "level"], values="test_accuracy")
    arms = {name: wide[name].sort_index(axis=1) for name in curve.arm.unique()}
    dense = curve[curve.level == 0].drop_duplicates("seed").set_index("seed")
    return {**arms, DENSE: dense[["test_accuracy"]].set_axis([0], axis=1)}


def sparsities(curve: pd.DataFrame) -> pd.Series:
    """The mean sparsity (a fraction) by arm and level."""
    return curve.groupby(["arm", "level"], sort=False).sparsity.mean()


def differences(of: pd.DataFrame, against: pd.DataFrame, levels: list[int]) -> pd.DataFrame:
    """``of`` minus ``against``, seed by level, on the seeds that have all ``levels`` in both.

    If ``against`` lacks one of the levels it is the dense run: then every level is compared with
    level 0.
    """
    other = against[levels] if set(levels) <= set(against.columns) else against[0]
    return of[levels].sub(other, axis=0).dropna()
