"""What becomes of single documents as a network is pruned. Exploratory: no verdict rests on it."""

import numpy as np
import pandas as pd
from statsmodels.stats.contingency_tables import mcnemar

from lottery.analysis import scores

BY_LEVEL = ["level", "only_dense", "only_level", "mcnemar_p", "calibration_error"]
BY_CLASS = ["level", "class", "documents", "accuracy"]
_BINS = 15


def compare(logits: np.ndarray, labels: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each level's documents against the dense network's, and each class's accuracy.

    ``logits`` is float32 [levels + 1, documents, outputs], level 0 the dense network, outputs as in
    :mod:`lottery.analysis.scores`; ``labels`` is int [documents]. The first table,
    :data:`BY_LEVEL`, counts the documents that only the dense network, or only this level, has
    right, with the exact p of McNemar 1947; it is of one seed, so it says nothing of other seeds.
    ``calibration_error`` is in percent. The second is :data:`BY_CLASS`, accuracy in percent.
    """
    right = np.stack([scores.predictions(level) == labels for level in logits])
    by_level = []
    for level, values in enumerate(logits):
        only_dense = int((right[0] & ~right[level]).sum())
        only_level = int((right[level] & ~right[0]).sum())
        table = [[0, only_dense], [only_level, 0]]  # the test does not read the diagonal
        p = float(mcnemar(table, exact=True).pvalue)
        by_level.append((level, only_dense, only_level, p, calibration_error(values, labels)))
    by_class = [
        (level, name, int((labels == name).sum()), 100 * float(right[level, labels == name].mean()))
        for level in range(len(logits))
        for name in np.unique(labels).tolist()
    ]
    return pd.DataFrame(by_level, columns=BY_LEVEL), pd.DataFrame(by_class, columns=BY_CLASS)


def calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    """The expected calibration error in percent (Guo et al. 2017, section 2).

    The mean, over documents, of the gap between accuracy and mean confidence in the document's bin;
    15 bins of equal width from 0 to 1, each without its lower and with its upper bound.
    """
    confidence = confidences(logits)
    right = scores.predictions(logits) == labels
    bins = np.clip(np.ceil(confidence * _BINS).astype(np.int64) - 1, 0, _BINS - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=_BINS)
    return 100 * float(np.abs(gaps).sum() / len(labels))


def confidences(logits: np.ndarray) -> np.ndarray:
    """The probability that each document's predicted class is given, in float64."""
    values = logits.astype(np.float64)
    if values.shape[1] == 1:
        values = np.concatenate([np.zeros_like(values), values], 1)
    return np.exp(values.max(1) - np.logaddexp.reduce(values, axis=1))
