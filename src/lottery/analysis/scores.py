"""Accuracy and loss over all documents, from their logits."""

import numpy as np


def predictions(logits: np.ndarray) -> np.ndarray:
    """The class of each document, int64; ``[documents, 1]`` logits are those of class 1."""
    if logits.shape[1] == 1:
        return (logits[:, 0] > 0).astype(np.int64)
    return logits.argmax(1)


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The percentage of documents whose class is predicted; over all of them, not over batches."""
    return 100 * float((predictions(logits) == labels).mean())


def loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean negative log-likelihood in nats, in float64."""
    values = logits.astype(np.float64)
    if values.shape[1] == 1:
        values = np.concatenate([np.zeros_like(values), values], 1)
    log_total = np.logaddexp.reduce(values, axis=1)
    return float((log_total - values[np.arange(len(labels)), labels]).mean())
