"""Logits, loss and accuracy of a trained network over a whole split."""

import numpy as np
import torch
from torch import nn

from lottery import metrics
from lottery.models import EMBEDDING
from lottery.training import batches, dropout, optimizers
from lottery.training.batches import Documents

EVALUATION_TOKENS = 1 << 15
"""Tokens per batch, padding included, where no gradient is computed."""


@torch.no_grad()
def logits(model: nn.Module, documents: Documents) -> np.ndarray:
    """Every document's logits, float32 ``[documents, outputs]``, without dropout."""
    model.eval()
    device = documents.ids.device
    result: torch.Tensor | None = None
    for batch in batches.by_length(documents.lengths, EVALUATION_TOKENS):
        index = torch.from_numpy(batch).to(device)
        longest = int(documents.lengths[batch[-1]])
        tokens, lengths = documents.batch(index, longest)
        embeddings = optimizers.embeddings(getattr(model, EMBEDDING), tokens)
        values = model(*embeddings, lengths, dropout.none)
        if result is None:
            result = values.new_empty(len(documents), values.shape[1])
        result[index] = values
    assert result is not None  # no split of a corpus is empty
    return result.cpu().numpy()


def evaluate(model: nn.Module, documents: Documents) -> dict[str, float]:
    """Validation loss (mean per document, nats) and accuracy (percent of all documents)."""
    values = logits(model, documents)
    labels = documents.labels.cpu().numpy()
    return {
        "validation_loss": metrics.loss(values, labels),
        "validation_accuracy": metrics.accuracy(values, labels),
    }
