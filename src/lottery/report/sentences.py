"""What needs no chart: densities that the rate alone decides, and barriers of a single level."""

import pandas as pd

from lottery.analysis import barriers
from lottery.report.formats import fixed, share
from lottery.report.names import count, listing

ROUNDING = 2
"""Weights: each level rounds what it prunes of a tensor."""


def densities(tensors: pd.DataFrame) -> str:
    """What remains of each tensor, if all arms prune them alike; empty if that differs.

    The output layer may be pruned at a rate of its own. ``tensors`` has arm, seed, level,
    parameter, remaining and size.
    """
    if tensors.empty:
        return ""
    tensors = tensors.reset_index(drop=True)
    largest = tensors.parameter[tensors["size"].idxmax()]
    is_largest = tensors.parameter == largest
    shares = (tensors.remaining / tensors["size"])[is_largest].groupby(tensors.level)
    if (shares.max() - shares.min()).max() > 1e-3:
        return ""
    expected = tensors.level.map(shares.mean()) * tensors["size"]
    is_off = (tensors.remaining - expected).abs() > ROUNDING * tensors.level.clip(lower=1)
    exceptions = list(tensors.parameter[is_off].unique())
    outputs = [name for name in tensors.parameter.unique() if str(name).startswith("output")]
    if not set(exceptions) <= set(outputs):
        return ""
    pruned = shares.mean().drop(0, errors="ignore")
    text = f"Of each tensor {listing([share(value) for value in pruned])} of the weights remain"
    text += (
        f" at {'level' if len(pruned) == 1 else 'levels'} {listing(list(map(str, pruned.index)))}"
    )
    return text + _output(tensors[tensors.parameter.isin(outputs)], bool(exceptions)) + "."


def _output(tensors: pd.DataFrame, is_exception: bool) -> str:
    if not is_exception:
        return ""
    sums = tensors[tensors.level > 0].groupby("level")[["remaining", "size"]].sum()
    shares = [share(value) for value in sums.remaining / sums["size"]]
    return f"; of the output layer, which is pruned at another rate, {listing(shares)}"


def one_level_of_barriers(lines: pd.DataFrame) -> str:
    """The mean barriers of each kind of line, if there is only one level; otherwise empty."""
    if lines.empty or lines.level.nunique() > 1:
        return ""
    rises = barriers.barriers(lines)
    phrases = [
        f"{barriers.KINDS[str(kind)]} {fixed(rows.test_error.mean())} points of test error and "
        f"{fixed(rows.train_loss.mean(), 3)} nats of training loss"
        for kind, rows in rises.groupby("kind", sort=False)
    ]
    seeds = count(int(rises.seed.nunique()), "seed")
    return (
        f"At level {int(rises.level.iloc[0])}, the barriers are, in the mean over {seeds}: "
        f"{listing(phrases)}."
    )
