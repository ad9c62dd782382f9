"""The same ticket in another order of the data, and the straight line between two networks."""

from dataclasses import replace

import pytest
import torch
from helpers import MODELS, MakeCell, record_training, same, winning_ticket
from hypothesis import given
from hypothesis import strategies as st

from lottery.experiment import branches
from lottery.experiment.replicate import Replicate
from lottery.pruning import masks
from lottery.pruning.strategy import Start
from lottery.training import batches

FLOATS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=5, max_size=5).map(torch.tensor)


@pytest.mark.parametrize("model", MODELS)
def test_another_order_is_of_the_same_ticket(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    cell = make_cell(model, classes=4)
    replicate = Replicate(cell, 0)
    dense, levels = winning_ticket(cell)
    pruned_at, ticket = levels[-1].pruned_at, levels[1]
    calls = record_training(monkeypatch)
    one, again = (branches.train_other_order(replicate, dense.init, pruned_at, 2) for _ in range(2))
    assert one.history == again.history
    assert same(one.weights, again.weights)
    assert cell.order == 0, "the cell is changed"
    assert len(calls) == 2
    for weights, level_masks, plan in calls:
        assert same(weights, dense.init)
        assert same(level_masks, masks.at_level(ticket.pruned_at, 2))
        assert plan == replace(cell.plan(0, 2, 0), seed=plan.seed, sequence=1)
        assert plan.seed != 0
    order_seed = calls[0].plan.seed
    size = cell.settings.train.batch
    lengths = cell.train_set.lengths
    # Of epoch 1: in epoch 0 the six batches happen to come in the same sequence of lengths.
    orders = [batches.order(lengths, size, *key) for key in ((0, 1, 0), (order_seed, 1, 1))]
    assert [list(batch) for batch in orders[0]] != [list(batch) for batch in orders[1]]
    longest = [[int(lengths[batch].max()) for batch in order] for order in orders]
    assert longest[0] != longest[1]
    assert not same(one.weights, ticket.weights)
    for key, mask in masks.at_level(pruned_at, 2).items():
        assert not one.weights[key][~mask].any()
    # The same masks and start under another seed: only the order and dropout can differ.
    other = branches.train_other_order(Replicate(cell, 1), dense.init, pruned_at, 2)
    assert calls[-1].plan.seed not in (0, 1, order_seed)
    assert not same(one.weights, other.weights)
    # In the order of the seed it is the ticket itself.
    same_order = replicate.train_level(Start(dense.init, 0), pruned_at, 2)
    assert same(same_order.weights, ticket.weights)


@given(one=FLOATS, other=FLOATS)
def test_between_is_a_straight_line(one: torch.Tensor, other: torch.Tensor) -> None:
    def at(share: float) -> torch.Tensor:
        return branches.between({"a": one}, {"a": other}, share)["a"]

    assert torch.equal(at(0.0), one)
    assert torch.equal(at(1.0), other)
    middle = ((one.double() + other.double()) / 2).float()
    torch.testing.assert_close(at(0.5), middle, rtol=1e-6, atol=0.1)
    assert not branches.between({"a": torch.zeros(3)}, {"a": torch.zeros(3)}, 0.3)["a"].any()
