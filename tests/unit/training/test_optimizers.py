"""Both optimizers are PyTorch's dense Adam, step by step, and leave pruned weights at zero."""

import pytest
import torch
import torch.nn.functional as F
from helpers import make_network
from torch import nn

from lottery.models import EMBEDDING
from lottery.training import optimizers

KINDS = [optimizers.LazyAdam, optimizers.FusedAdam]
TOKENS = torch.arange(12).view(3, 4)
"""Every row of the embedding, read at each step, so that no row's step is put off."""
Named = dict[str, nn.Parameter]


def named_parameters(seed: int = 0) -> Named:
    return dict(make_network(rows=12, seed=seed).named_parameters())


def drawn_masks(named: Named, seed: int = 1) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.rand(v.shape, generator=generator) < 0.7 for name, v in named.items()}


def slopes_of_all_sizes(named: Named, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """From 1e-10 to 100; many near 1e-8, where a step depends on epsilon."""
    slopes = {}
    for name, value in named.items():
        exponents = torch.rand(value.shape, generator=generator) * 12 - 10
        exponents[torch.rand(value.shape, generator=generator) < 0.5] = -8
        slopes[name] = torch.randn(value.shape, generator=generator) * 10**exponents
    return slopes


def step(
    optimizer: optimizers.Optimizer, named: Named, slopes: dict[str, torch.Tensor], lr: float
) -> None:
    """A step whose gradients are ``slopes``: the loss is a sum of products."""
    embeddings, indices = optimizer.embeddings(TOKENS)
    loss = (F.embedding(indices, embeddings) * slopes[EMBEDDING].view(3, 4, -1)).sum()
    for name, value in named.items():
        if name != EMBEDDING:
            loss = loss + (value * slopes[name]).sum()
    loss.backward()
    optimizer.step(lr)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", ["one", "all"])
def test_a_step_is_dense_adams(kind: type[optimizers.LazyAdam], size: str) -> None:
    """Whatever the size of a gradient: of weights, of biases and of rows of the embedding.

    With ``one`` size a weight's gradients are alike over the steps, so that those near epsilon
    stay there; with ``all`` they jump.
    """
    named = named_parameters()
    masks = drawn_masks(named)
    for name, value in named.items():
        value.data *= masks[name]
    dense = {name: nn.Parameter(value.detach().double()) for name, value in named.items()}
    adam = torch.optim.Adam(dense.values())
    optimizer = kind(named, masks)
    generator = torch.Generator().manual_seed(2)
    slopes = slopes_of_all_sizes(named, generator)
    before = {name: value.detach().clone() for name, value in dense.items()}
    for number in range(12):
        if size == "all":
            slopes = slopes_of_all_sizes(named, generator)
        lr = 0.01 * (1 - number / 12)
        step(optimizer, named, slopes, lr)
        optimizer.finish()
        for name, value in dense.items():
            value.grad = (slopes[name] * masks[name]).double()
        adam.param_groups[0]["lr"] = lr
        adam.step()
        for name, value in named.items():
            weights = value.detach().double()
            torch.testing.assert_close(weights, dense[name].detach(), atol=2e-6, rtol=1e-5)
    assert all((dense[name].detach() - before[name]).abs().max() > 0.01 for name in dense)


@pytest.mark.parametrize("kind", KINDS)
def test_pruned_weights_are_zero_after_each_step(kind: type[optimizers.LazyAdam]) -> None:
    """Their gradients are not zero: only the mask holds them."""
    named = named_parameters()
    masks = drawn_masks(named)
    for name, value in named.items():
        value.data *= masks[name]
    optimizer = kind(named, masks)
    generator = torch.Generator().manual_seed(3)
    for _ in range(4):
        slopes = {n: torch.randn(v.shape, generator=generator) for n, v in named.items()}
        step(optimizer, named, slopes, 0.1)
        for name, value in named.items():
            assert not value.detach()[~masks[name]].any(), name
    optimizer.finish()
    for name, value in named.items():
        assert not value.detach()[~masks[name]].any(), name
        assert value.detach()[masks[name]].all(), "a remaining weight is zero"


def test_building_applies_the_masks() -> None:
    """Before the first step too, whatever the weights were."""
    model = make_network(rows=12, seed=0)
    masks = drawn_masks(dict(model.named_parameters()))
    optimizers.build(model, masks)
    for name, value in model.named_parameters():
        assert torch.equal(value.detach() != 0, masks[name])


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_do_not_add_up_over_steps(kind: type[optimizers.LazyAdam]) -> None:
    named = named_parameters()
    optimizer = kind(
        named, {name: torch.ones_like(v, dtype=torch.bool) for name, v in named.items()}
    )
    slopes = slopes_of_all_sizes(named, torch.Generator().manual_seed(4))
    for _ in range(2):
        step(optimizer, named, slopes, 0.01)
        assert all(value.grad is None for value in named.values())
