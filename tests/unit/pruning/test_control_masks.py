"""The masks that controls are made of: the largest scores, or as many weights drawn at random."""

import pytest
import torch
from helpers import same
from hypothesis import given, settings
from hypothesis import strategies as st

from lottery.pruning import masks
from lottery.pruning.masks import PrunedAt

# Few distinct magnitudes, both signs and zero: ties everywhere.
VALUES = st.lists(st.sampled_from([0.0, 0.5, -0.5, 1.0, -1.0, 2.0]), min_size=2, max_size=30)
NAMES = ("bias", "deep", "embedding", "weight")
TENSORS = st.tuples(*[VALUES] * len(NAMES)).map(
    lambda lists: {name: torch.tensor(values) for name, values in zip(NAMES, lists, strict=True)}
)
Weights = dict[str, torch.Tensor]


def prune_levels(weights: Weights, levels: int, rate: float) -> PrunedAt:
    """``pruned_at`` of a pruning run of ``levels``. The embedding's first entry is padding."""
    pruned_at = masks.dense(weights, "embedding", 0)
    for level in range(1, levels + 1):
        pruned_at = masks.prune(weights, pruned_at, level, dict.fromkeys(weights, rate), "local")
    return pruned_at


def copies(tensors: Weights) -> Weights:
    return {name: value.clone() for name, value in tensors.items()}


@settings(max_examples=60)
@given(
    weights=TENSORS,
    rate=st.sampled_from([0.2, 0.5, 0.9]),
    level=st.integers(1, 3),
    scope=st.sampled_from(["each", "together"]),
    data=st.data(),
)
def test_largest_has_the_counts_of_the_ticket(weights, rate, level, scope, data):  # type: ignore[no-untyped-def]
    scores = {
        name: torch.tensor(data.draw(st.permutations(value.tolist())))
        for name, value in weights.items()
    }
    names = sorted(data.draw(st.sets(st.sampled_from(NAMES), min_size=1)))
    groups = [[name] for name in names] if scope == "each" else [names]
    ticket = prune_levels(weights, 4, rate)  # one level more than is asked for
    before = copies(ticket)
    pruned_at = masks.largest(scores, ticket, level, groups)
    assert same(ticket, before), "the argument is changed"
    assert pruned_at["embedding"][0] == 0
    for name in set(NAMES) - set(names):
        assert torch.equal(pruned_at[name], ticket[name])
    level_masks = masks.at_level(pruned_at, level)
    for group in groups:
        remaining, expected = (
            sum(counts[name][0] for name in group)
            for counts in (masks.counts(pruned_at, level), masks.counts(ticket, level))
        )
        assert remaining == expected
        # The reference: a stable sort of all weights; the smallest are pruned first.
        ranked = sorted(
            (abs(float(score)), name, index)
            for name in group
            for index, score in enumerate(scores[name])
            if ticket[name][index] > 0
        )
        largest = {(name, index) for _, name, index in ranked[len(ranked) - remaining :]}
        assert largest == {
            (name, int(index)) for name in group for index in level_masks[name].nonzero()[:, 0]
        }
        for name in group:
            assert set(pruned_at[name].tolist()) <= {0, level, masks.NEVER}


def test_largest_of_a_count_and_of_ties() -> None:
    weights = {"embedding": torch.ones(3, 2), "bias": torch.ones(3)}
    ticket = prune_levels(weights, 2, 0.5)
    scores = {"embedding": torch.tensor([[9.0, 9], [1, 1], [1, 1]]), "bias": torch.ones(3)}
    for count in range(8):
        pruned_at = masks.largest(scores, ticket, 2, [["bias", "embedding"]], count)
        level_masks = masks.at_level(pruned_at, 2)
        mask = torch.cat([level_masks["bias"], level_masks["embedding"].flatten()[2:]])
        assert mask.tolist() == [index >= 7 - count for index in range(7)], "the last remain"
        assert not level_masks["embedding"][0].any()
    assert same(masks.largest(scores, ticket, 2, []), ticket)


def test_ties_can_be_drawn() -> None:
    weights = {"embedding": torch.ones(3, 2), "bias": torch.ones(3)}
    ticket = prune_levels(weights, 2, 0.5)
    scores = {"embedding": torch.tensor([[9.0, 9], [3, 1], [1, 0]]), "bias": torch.ones(3)}
    generator = torch.Generator().manual_seed(0)
    times = torch.zeros(5)
    for _ in range(2000):
        pruned_at = masks.largest(
            scores, ticket, 2, [["bias", "embedding"]], 3, generator=generator
        )
        level_masks = masks.at_level(pruned_at, 2)
        assert level_masks["embedding"].tolist()[0] == [False, False], "the padding row remains"
        assert level_masks["embedding"][1, 0]
        assert not level_masks["embedding"][2, 1]
        times += torch.cat([level_masks["bias"], level_masks["embedding"].flatten()[3:5]])
    assert times.sum() == 2 * 2000
    assert ((times - 2000 * 2 / 5).abs() < 120).all()  # its standard deviation is 22
    one, other = (
        masks.largest(scores, ticket, 2, [["bias", "embedding"]], 3, torch.Generator())
        for _ in range(2)
    )
    assert same(one, other), "not a function of its generator"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_scores_that_are_not_finite_are_refused(value: float) -> None:
    weights = {"embedding": torch.ones(2, 2), "bias": torch.ones(2)}
    ticket = prune_levels(weights, 1, 0.5)
    scores = {**weights, "bias": torch.tensor([1.0, value])}
    with pytest.raises(ValueError, match="a score of bias, embedding is not finite"):
        masks.largest(scores, ticket, 1, [["bias", "embedding"]])
    masks.largest(scores, ticket, 1, [["embedding"]])  # the biases' scores are not looked at


@settings(max_examples=60)
@given(weights=TENSORS, rate=st.sampled_from([0.2, 0.5, 0.9]), level=st.integers(1, 3))
def test_shuffled_has_the_counts_of_the_ticket(weights: Weights, rate: float, level: int) -> None:
    ticket = prune_levels(weights, 4, rate)
    before = copies(ticket)
    one, other = (masks.shuffled(ticket, level, torch.Generator().manual_seed(5)) for _ in range(2))
    assert same(one, other), "not a function of its generator"
    assert same(ticket, before), "the argument is changed"
    assert list(one) == list(ticket)
    assert masks.counts(one, level) == masks.counts(ticket, level)
    assert one["embedding"][0] == 0
    # The order of the tensors plays no part: a file's may be another.
    reverse = {name: ticket[name] for name in reversed(ticket)}
    assert same(masks.shuffled(reverse, level, torch.Generator().manual_seed(5)), one)


def test_shuffled_chooses_each_position_equally_often() -> None:
    weights = {"embedding": torch.arange(12.0)}
    ticket = prune_levels(weights, 1, 0.5)
    generator = torch.Generator().manual_seed(0)
    times = torch.zeros(12)
    for _ in range(2000):
        times += masks.at_level(masks.shuffled(ticket, 1, generator), 1)["embedding"]
    assert times[0] == 0
    expected = 2000 * 6 / 11  # its standard deviation is 22
    assert ((times[1:] - expected).abs() < 120).all()


def test_the_last_level_is_read_from_pruned_at() -> None:
    weights = {"embedding": torch.arange(12.0), "bias": torch.ones(1)}
    for level in range(5):
        assert masks.last_level(prune_levels(weights, level, 0.2)) == level
