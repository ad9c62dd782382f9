"""Many CNNs at once: only a filter's winning window is computed with a gradient.

Which window wins comes first, without a gradient, from one product of a batch's distinct embeddings
with all filters, as in :mod:`lottery.kernels.conv_maxpool`. Then the winners alone are computed,
with one.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F

from lottery.models import EMBEDDING
from lottery.models.cnn import CNN
from lottery.storage.token_arrays import PAD
from lottery.training.lockstep.dropout import Dropout
from lottery.training.lockstep.feed import Batch


def forward(
    model: CNN, weights: Mapping[str, torch.Tensor], batch: Batch, dropout: Dropout
) -> torch.Tensor:
    """Logits ``[networks, documents, outputs]``; see :mod:`lottery.training.lockstep.networks`."""
    widths = model.options.widths
    filters = [weights[f"conv{width}_weight"].squeeze(2) for width in widths]
    maxima = conv_maxpool(weights[EMBEDDING], batch, filters, model.precision)
    bias = torch.cat([weights[f"conv{width}_bias"] for width in widths], 1)
    features = dropout.of_documents((maxima + bias[:, None]).relu())
    output = weights["output_weight"].transpose(1, 2)
    return torch.baddbmm(weights["output_bias"][:, None], features, output)


def conv_maxpool(
    embedding: torch.Tensor, batch: Batch, weights: Sequence[torch.Tensor], dtype: torch.dtype
) -> torch.Tensor:
    """Each filter's largest value over a document's windows, no bias: float32 ``[networks,
    documents, filters]``.

    ``embedding`` is ``[networks, rows, dim]``; each of ``weights``, one per width, ``[networks,
    filters, width, dim]``. Products are of ``dtype``. The rest is as in
    :func:`lottery.kernels.conv_maxpool.conv_maxpool`.
    """
    widest = max(weight.shape[2] for weight in weights)
    missing = max(0, widest - batch.tokens.shape[2])
    tokens = F.pad(batch.tokens, (0, missing), value=PAD)
    networks, rows, _ = embedding.shape
    first = rows * torch.arange(networks, device=tokens.device)[:, None, None]
    tokens = tokens + first
    winning = []
    for weight, starts in zip(weights, winners(embedding, batch, weights, dtype), strict=True):
        _, filters, width, _ = weight.shape
        read = starts.transpose(1, 2)[..., None] + torch.arange(width, device=starts.device)
        # [networks, filters, documents, width]
        winning.append(tokens[:, None].expand(-1, filters, -1, -1).gather(3, read))
    # The windows of all widths in one call: its gradient has the size of all embeddings.
    flat = torch.cat([windows.flatten() for windows in winning])
    values = F.embedding(flat, embedding.flatten(0, 1)).to(dtype)
    maxima = []
    sizes = [windows.numel() for windows in winning]
    for weight, windows, part in zip(weights, winning, values.split(sizes), strict=True):
        factors = part.view(*windows.shape[:3], -1)
        sums = factors @ weight.flatten(2)[..., None].to(dtype)
        maxima.append(sums.squeeze(3).transpose(1, 2))
    return torch.cat(maxima, 2).to(embedding.dtype)


@torch.no_grad()
def winners(
    embedding: torch.Tensor, batch: Batch, weights: Sequence[torch.Tensor], dtype: torch.dtype
) -> list[torch.Tensor]:
    """Where each filter's winning window begins, int64 ``[networks, documents, filters]`` per
    width.

    The first of equal windows wins, and NaN wins over all numbers.
    """
    widest = max(weight.shape[2] for weight in weights)
    numbers = torch.arange(len(embedding), device=embedding.device)[:, None]
    read = embedding[numbers, batch.words].to(dtype)
    # One row more: that of padding.
    read = F.pad(read, (0, 0, 0, 1))
    missing = max(0, widest - batch.tokens.shape[2])
    indices = batch.indices.where(batch.inside, batch.words.shape[1])
    indices = F.pad(indices, (0, missing), value=batch.words.shape[1])
    lengths = batch.lengths.clamp(min=widest)
    gpu = kernels() if embedding.is_cuda else None
    find = window_argmax if gpu is None else gpu.window_argmax
    return [
        find(_table(read, weight.to(dtype)), indices, lengths, weight.shape[2])
        for weight in weights
    ]


def _table(read: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The product of each of the embeddings ``read`` with each filter at each offset in a window:
    ``[networks, distinct, width, filters]``."""
    columns = weight.transpose(1, 2).flatten(1, 2)
    return (read @ columns.transpose(1, 2)).unflatten(2, (weight.shape[2], weight.shape[1]))


@cache
def kernels() -> Any:
    """The module of the GPU's kernel, or None where there is no Triton."""
    if find_spec("triton") is None:
        return None
    from lottery.kernels import windows_triton

    return windows_triton


def window_argmax(
    table: torch.Tensor, indices: torch.Tensor, lengths: torch.Tensor, width: int
) -> torch.Tensor:
    """Where the windows of ``width`` tokens with the largest sums begin, int64 ``[networks,
    documents, filters]``, in plain PyTorch: the same as
    :func:`lottery.kernels.windows_triton.window_argmax`."""
    numbers = torch.arange(len(table), device=table.device)[:, None, None]
    windows = indices.shape[2] - width + 1
    sums = sum(
        table[numbers, indices[:, :, offset : offset + windows], offset].float()
        for offset in range(width)
    )
    assert isinstance(sums, torch.Tensor)
    outside = torch.arange(windows, device=table.device) > (lengths - width)[:, :, None]
    return sums.masked_fill_(outside[..., None], -torch.inf).argmax(2)
