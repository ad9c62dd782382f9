"""Accuracy and loss over all documents, from their logits."""

import numpy as np


def predictions(logits: np.ndarray) -> np.ndarray:
    """The predicted class of each document, int64 [documents].

    ``logits`` is float [documents, classes]. With two classes it may be [documents, 1]: then each
    value is the logit of class 1 and that of class 0 is zero.
    """
    if logits.shape[1] == 1:
        return (logits[:, 0] > 0).astype(np.int64)
    return logits.argmax(1)


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The percentage of documents whose predicted class is their label.

    ``logits`` as for :func:`predictions`, ``labels`` int [documents]. Over all documents at once:
    a mean of the batches' accuracies would give a short last batch too much weight.
    """
    return 100 * float((predictions(logits) == labels).mean())


def loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean negative log-likelihood of the labels in nats, computed in float64.

    ``logits`` as for :func:`predictions`, ``labels`` int [documents].
    """
    values = logits.astype(np.float64)
    if values.shape[1] == 1:
        values = np.concatenate([np.zeros_like(values), values], 1)
    log_total = np.logaddexp.reduce(values, axis=1)
    return float((log_total - values[np.arange(len(labels)), labels]).mean())
