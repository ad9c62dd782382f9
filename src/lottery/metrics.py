"""How good predictions are over all documents, from their logits or classes."""

import numpy as np


def predictions(logits: np.ndarray) -> np.ndarray:
    """The predicted class of each document, int64 [documents].

    ``logits`` is float [documents, classes]. With two classes it may be [documents, 1]: then each
    value is the logit of class 1 and that of class 0 is zero.
    """
    if logits.shape[1] == 1:
        return (logits[:, 0] > 0).astype(np.int64)
    return logits.argmax(1)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """The probability of each class, float64 [documents, classes]; ``logits`` as for
    :func:`predictions`."""
    values = logits.astype(np.float64)
    if values.shape[1] == 1:
        values = np.concatenate([np.zeros_like(values), values], 1)
    values = np.exp(values - values.max(1, keepdims=True))
    shares: np.ndarray = values / values.sum(1, keepdims=True)
    return shares


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The percentage of documents whose predicted class is their label.

    ``logits`` as for :func:`predictions`, ``labels`` int [documents]. Over all documents at once:
    a mean of the batches' accuracies would give a short last batch too much weight.
    """
    return 100 * float((predictions(logits) == labels).mean())


def balanced_accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean, over the classes in ``labels``, of the accuracy within each class, in percent.

    Classes that are rare count as much as frequent ones: always answering one of K classes gives
    100 / K. ``logits`` as for :func:`predictions`, ``labels`` int [documents].
    """
    hits, documents, _ = _counts(predictions(logits), labels)
    present = documents > 0
    return 100 * float((hits[present] / documents[present]).mean())


def macro_f1(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean, over classes that are a label or a prediction, of each one's F1, in percent.

    F1 is the harmonic mean of precision and recall, 0 for a class that is never right. Arguments as
    for :func:`balanced_accuracy`.
    """
    hits, documents, answers = _counts(predictions(logits), labels)
    present = documents + answers > 0
    return 100 * float((2 * hits[present] / (documents + answers)[present]).mean())


def majority_accuracy(train_labels: np.ndarray, labels: np.ndarray) -> float:
    """The accuracy in percent of always answering the most frequent class of ``train_labels``.

    Of classes that are equally frequent the first. Both are int [documents], of any split.
    """
    return 100 * float((labels == np.bincount(train_labels).argmax()).mean())


def _counts(predicted: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By class, int64 [classes]: documents predicted right, documents, and predictions."""
    classes = 1 + max(int(predicted.max()), int(labels.max()))
    right = labels[predicted == labels]
    hits, documents, answers = (
        np.bincount(values, minlength=classes) for values in (right, labels, predicted)
    )
    return hits, documents, answers


def loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean negative log-likelihood of the labels in nats, computed in float64.

    ``logits`` as for :func:`predictions`, ``labels`` int [documents].
    """
    values = logits.astype(np.float64)
    if values.shape[1] == 1:
        values = np.concatenate([np.zeros_like(values), values], 1)
    log_total = np.logaddexp.reduce(values, axis=1)
    return float((log_total - values[np.arange(len(labels)), labels]).mean())
