"""Selections in plain PyTorch whose gradients a GPU computes fast, and the same each time.

The gradient of ``gather``, and of the values of ``max``, is a scatter by index. Where results must
repeat, PyTorch does it on a GPU by sorting an index for each number (``index_put_``). Here no
number is selected twice, so that the gradient needs no sum: it is a comparison or a copy.
"""

import torch


def pick(values: torch.Tensor, positions: torch.Tensor, dim: int) -> torch.Tensor:
    """The value at ``positions`` along ``dim``, which the result lacks.

    ``positions`` is int64, broadcastable to ``values`` with one entry along ``dim``. The same as
    ``values.gather(dim, positions).squeeze(dim)``.
    """
    shape = [1] * values.dim()
    shape[dim] = values.shape[dim]
    numbers = torch.arange(values.shape[dim], device=values.device).view(shape)
    return values.where(numbers == positions, 0).sum(dim)


def swap(values: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """``values`` ``[documents, longest, size]`` with each document's positions in ``order``, int64
    ``[documents, longest, 1]``, which swaps positions in pairs: it is its own inverse."""
    swapped: torch.Tensor = _Swap.apply(values, order)
    return swapped


class _Swap(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, order):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(order)
        return values.gather(1, order.expand(-1, -1, values.shape[2]))

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        (order,) = ctx.saved_tensors
        return gradient.gather(1, order.expand(-1, -1, gradient.shape[2])), None
