"""How the predictions for single documents change as a network is pruned.

Exploratory: no verdict is based on it.
"""

import numpy as np
import pandas as pd
from statsmodels.stats.contingency_tables import mcnemar

from lottery import metrics

BY_LEVEL = ["level", "only_dense", "only_level", "mcnemar_p", "calibration_error"]
BY_CLASS = ["level", "class", "documents", "accuracy"]
_BINS = 15


def compare(logits: np.ndarray, labels: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each level compared with the dense network, and the accuracy of each class at each level.

    The first table has the columns :data:`BY_LEVEL`: how many documents only the dense network
    (``only_dense``) or only this level (``only_level``) predicts right, the exact p of McNemar
    1947, and the calibration error in percent. It is of one seed, so its p says nothing about
    other seeds. The second table has the columns :data:`BY_CLASS`, accuracy in percent.

    ``logits`` is float32 [levels + 1, documents, outputs], level 0 the dense network, outputs as in
    :mod:`lottery.metrics`; ``labels`` is int [documents].
    """
    is_right = np.stack([metrics.predictions(level) == labels for level in logits])
    by_level = []
    for level, values in enumerate(logits):
        only_dense = int((is_right[0] & ~is_right[level]).sum())
        only_level = int((is_right[level] & ~is_right[0]).sum())
        table = [[0, only_dense], [only_level, 0]]  # the test does not read the diagonal
        p = float(mcnemar(table, exact=True).pvalue)
        by_level.append((level, only_dense, only_level, p, calibration_error(values, labels)))
    by_class = []
    for level in range(len(logits)):
        for label in np.unique(labels).tolist():
            in_class = labels == label
            accuracy = 100 * float(is_right[level, in_class].mean())
            by_class.append((level, label, int(in_class.sum()), accuracy))
    return pd.DataFrame(by_level, columns=BY_LEVEL), pd.DataFrame(by_class, columns=BY_CLASS)


def calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    """The expected calibration error in percent (Guo et al. 2017, section 2).

    The mean over documents of the gap between accuracy and mean confidence in the document's bin.
    There are 15 bins of equal width from 0 to 1; each includes its upper bound but not its lower.
    ``logits`` as in :mod:`lottery.metrics`, ``labels`` int [documents].
    """
    confidence = confidences(logits)
    is_right = metrics.predictions(logits) == labels
    bins = np.clip(np.ceil(confidence * _BINS).astype(np.int64) - 1, 0, _BINS - 1)
    gaps = np.bincount(bins, weights=is_right - confidence, minlength=_BINS)
    return 100 * float(np.abs(gaps).sum() / len(labels))


def confidences(logits: np.ndarray) -> np.ndarray:
    """The probability of each document's predicted class, float64 [documents]."""
    values = logits.astype(np.float64)
    if values.shape[1] == 1:
        values = np.concatenate([np.zeros_like(values), values], 1)
    return np.exp(values.max(1) - np.logaddexp.reduce(values, axis=1))
