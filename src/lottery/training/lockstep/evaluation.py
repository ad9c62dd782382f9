"""Logits of many networks over a whole split, and the loss and accuracy of each."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from lottery import metrics
from lottery.training.batches import Documents
from lottery.training.evaluation import EVALUATION_TOKENS
from lottery.training.lockstep import dropout, networks
from lottery.training.lockstep.feed import Feed


@torch.no_grad()
def logits(model: nn.Module, weights: Mapping[str, torch.Tensor], feed: Feed) -> np.ndarray:
    """Every document's logits, float32 ``[networks, documents, outputs]``, without dropout."""
    forward = networks.forward_of(model)
    pieces, numbers = [], []
    for index in feed.by_length(EVALUATION_TOKENS):
        pieces.append(forward(model, weights, feed.batch(index), dropout.NONE))
        numbers.append(np.stack(index))
    values = torch.cat(pieces, 1).cpu().numpy()  # one transfer
    result = np.empty_like(values)
    np.put_along_axis(result, np.concatenate(numbers, 1)[..., None], values, 1)
    return result


def scores(values: np.ndarray, documents: Documents) -> dict[str, float]:
    """What :func:`lottery.training.evaluation.evaluate` returns, from a network's logits."""
    labels = documents.labels.cpu().numpy()
    return {
        "validation_loss": metrics.loss(values, labels),
        "validation_accuracy": metrics.accuracy(values, labels),
    }
