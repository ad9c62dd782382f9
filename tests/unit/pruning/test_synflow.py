"""SynFlow without data: what flows through a CNN, and the ratio by which each step prunes."""

import pytest
import torch
import torch.nn.functional as F

from lottery.models import Weights, cnn, kind
from lottery.pruning import masks
from lottery.pruning.control import Ticket
from lottery.pruning.controls import synflow
from lottery.pruning.strategy import Dense
from lottery.storage.token_arrays import PAD
from lottery.training import loop


@pytest.mark.parametrize("widths", [(3, 4, 5), (1,), (5, 2), (2, 10)])
def test_flow_is_a_plain_networks_of_absolute_weights(widths: tuple[int, ...]) -> None:
    """All words at each position of a text, without biases, and the logits' sum."""
    model = cnn.build(cnn.Options(filters=3, widths=widths), 7, 4, 2)
    for number, parameter in enumerate(model.parameters()):
        parameter.data.normal_(generator=torch.Generator().manual_seed(number))
    weights = {
        name: value.double().abs().requires_grad_()
        for name, value in loop.copy_weights(model).items()
    }
    # Files give the tensors in alphabetical order.
    flow = model.flow({name: weights[name] for name in sorted(weights)})
    text = weights["embedding"].sum(0).expand(12, 4)[None, None]
    features = [F.conv2d(text, weights[f"conv{width}_weight"]).relu().amax(2) for width in widths]
    plain = F.linear(torch.cat(features, 1).squeeze(2), weights["output_weight"]).sum()
    torch.testing.assert_close(flow, plain)
    names = [name for name in weights if kind(name) != "biases"]
    slopes, plain_slopes = (
        torch.autograd.grad(value, [weights[name] for name in names]) for value in (flow, plain)
    )
    for one, other in zip(slopes, plain_slopes, strict=True):
        torch.testing.assert_close(one, other)
    # Conservation: what flows through each layer is all that flows (Tanaka et al. 2020, section 4).
    scores = {
        name: float((slope * weights[name].detach()).sum())
        for name, slope in zip(names, slopes, strict=True)
    }
    convolutions = sum(value for name, value in scores.items() if name.startswith("conv"))
    for layer in (scores["embedding"], convolutions, scores["output_weight"]):
        assert layer == pytest.approx(flow.item(), rel=1e-12)


@pytest.mark.parametrize("target", [40, 150, 300])
def test_synflow_prunes_by_one_ratio_a_step(target: int) -> None:
    """From all weights to as many as the ticket has, each step by the same factor."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"embedding": (20, 10), "deep": (10, 10), "output_weight": (10, 4)}
    init = {name: torch.rand(shape, generator=generator) + 0.5 for name, shape in shapes.items()}
    init["output_bias"] = torch.zeros(4)
    names = list(shapes)
    total = 20 * 10 + 10 * 10 + 10 * 4 - 10  # less the row of padding
    unpruned = masks.dense(init, "embedding", PAD)
    counts: list[int] = []

    def flow(weights: Weights) -> torch.Tensor:
        flowing = [(weights[name] != 0) & (unpruned[name] > 0) for name in names]
        counts.append(sum(int(mask.sum()) for mask in flowing))
        deep = weights["embedding"].sum(0) @ weights["deep"]
        return (deep @ weights["output_weight"]).sum()

    ticket = Ticket(
        level=1,
        pruned_at=masks.largest(init, unpruned, 1, [names], target),
        dense=Dense(init, init, 1, init, init, lambda level: init, "embedding"),
        prunable=list(init),
        rankings=[names],
        drawn={},
        generator=lambda purpose: torch.Generator(),
        gradients=lambda weights: weights,
        flow=flow,
    )
    pruned_at, _ = synflow.make(ticket)
    assert len(counts) == 100
    expected = [total * (target / total) ** (step / 100) for step in range(100)]
    # Among those that remain may be one through which nothing flows any more.
    assert counts == pytest.approx(expected, abs=1.51)
    assert sum(masks.counts(pruned_at, 1)[name][0] for name in names) == target
