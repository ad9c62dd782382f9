"""Adam on the rows that a batch reads is dense Adam."""

import numpy as np
import pytest
import torch
from torch import nn

from lottery.kernels import lazy_adam


@pytest.mark.parametrize(("scale", "bound"), [(1.0, 1e-5), (1e-3, 1e-5), (1e-6, 2e-3)])
def test_adam_on_the_rows_that_are_read_is_dense_adam(scale: float, bound: float) -> None:
    """Rows read often, rarely and never, a falling rate, and pruned weights among them.

    Weights move by 0.3. Gradients of 1e-6 from the first step on are where epsilon counts most.
    """
    count, dim, steps = 80, 7, 900
    random = np.random.default_rng(0)
    generator = torch.Generator().manual_seed(0)
    mask = torch.rand(count, dim, generator=generator) < 0.7
    table = torch.randn(count, dim, generator=generator) * 0.1 * mask
    dense = nn.Parameter(table.double())
    adam = torch.optim.Adam([dense], lr=0.01)
    start = table.clone()
    schedule = lazy_adam.Schedule()
    lazy = lazy_adam.LazyTable(table, mask, schedule)
    shares = 1 / np.arange(1, count) ** 2
    for step in range(steps):
        lr = 0.01 * (1 - step / steps)
        ids = random.choice(count - 1, 4, replace=False, p=shares / shares.sum())
        read = lazy.read(ids)
        rows = read.detach()[: len(ids)].double()
        torch.testing.assert_close(rows, dense.detach()[ids], atol=bound, rtol=0)
        assert not read.detach()[len(ids) :].any()
        read.grad = torch.randn(read.shape, generator=generator) * scale
        lazy.step(*schedule.advance(lr))
        dense.grad = torch.zeros_like(dense)
        dense.grad[ids] = (read.grad[: len(ids)] * mask[ids]).double()
        adam.param_groups[0]["lr"] = lr
        adam.step()
    lazy.finish()
    torch.testing.assert_close(table.double(), dense.detach(), atol=bound, rtol=0)
    assert not table[~mask].any()
    assert torch.equal(table[-1], start[-1]), "a row that is never read does not move"
    assert (table - start).abs().max() > 0.1
