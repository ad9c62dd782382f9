"""Masks and weights of one corpus's network on another's: which are carried over, and how many."""

from fractions import Fraction
from typing import NamedTuple

import torch
from helpers import same
from hypothesis import given
from hypothesis import strategies as st

from lottery.experiment import transfer as experiment
from lottery.pruning import masks, transfer
from lottery.pruning.masks import PrunedAt
from lottery.pruning.strategy import Weights

EMBEDDING, PAD = "embedding", 1
NAMES = (EMBEDDING, "conv_weight", "output_weight")


class Network(NamedTuple):
    """The words of an embedding, and the weights and ``pruned_at`` of a small network."""

    words: list[str]
    weights: Weights
    pruned_at: PrunedAt


def network(words: list[str], outputs: int, seed: int, levels: int = 3) -> Network:
    """Random weights, pruned at a half of each tensor three times."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {EMBEDDING: (len(words), 4), "conv_weight": (5, 4), "output_weight": (outputs, 5)}
    weights = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    pruned_at = masks.dense(weights, EMBEDDING, PAD)
    for level in range(1, levels + 1):
        pruned_at = masks.prune(weights, pruned_at, level, dict.fromkeys(NAMES, 0.5), "local")
    return Network(words, weights, pruned_at)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Network, Network]:
    """A source and a target, with some, all or no words in common."""
    words = st.lists(st.sampled_from([f"w{n}" for n in range(30)]), max_size=20, unique=True)
    one, other = (
        network(["<unk>", "<pad>", *draw(words)], draw(st.integers(1, 4)), seed) for seed in (1, 2)
    )
    return one, other


def carry(source: Network, target: Network, level: int, seed: int = 0) -> tuple[PrunedAt, Weights]:
    rows = experiment.rows_of(source.words, target.words)
    generator = torch.Generator().manual_seed(seed)
    pruned_at = transfer.pruned_at(
        source.pruned_at, target.pruned_at, rows, EMBEDDING, level, generator
    )
    return pruned_at, transfer.weights(source.weights, target.weights, rows, EMBEDDING)


@given(pairs(), st.integers(1, 3))
def test_what_is_carried_over(pair: tuple[Network, Network], level: int) -> None:
    source, target = pair
    before = [{name: value.clone() for name, value in each.items()} for each in source[1:]]
    pruned_at, weights = carry(source, target, level)
    assert same(source.weights, before[0]) and same(source.pruned_at, before[1])
    mask = masks.at_level(pruned_at, level)
    source_mask = masks.at_level(source.pruned_at, level)
    for row, word in enumerate(target.words):
        if word in source.words:
            there = source.words.index(word)
            assert torch.equal(mask[EMBEDDING][row], source_mask[EMBEDDING][there])
            assert torch.equal(weights[EMBEDDING][row], source.weights[EMBEDDING][there])
        else:
            assert torch.equal(weights[EMBEDDING][row], target.weights[EMBEDDING][row])
    assert torch.equal(mask["conv_weight"], source_mask["conv_weight"])
    assert torch.equal(weights["conv_weight"], source.weights["conv_weight"])
    agree = source.weights["output_weight"].shape == target.weights["output_weight"].shape
    expected = source if agree else target
    assert torch.equal(weights["output_weight"], expected.weights["output_weight"])
    if agree:
        assert torch.equal(mask["output_weight"], source_mask["output_weight"])
    assert not mask[EMBEDDING][PAD].any()


@given(pairs(), st.integers(1, 3))
def test_how_many_weights_remain(pair: tuple[Network, Network], level: int) -> None:
    """Exactly: of other words the share of the source's embedding, else as in a ticket."""
    source, target = pair
    counts = masks.counts(carry(source, target, level)[0], level)
    of_source, of_target = (masks.counts(each.pruned_at, level) for each in pair)
    assert counts["conv_weight"] == of_source["conv_weight"]
    assert counts["output_weight"] == of_target["output_weight"]
    remaining, size = of_source[EMBEDDING]
    shared = [source.words.index(word) for word in target.words if word in source.words]
    of_shared = int((source.pruned_at[EMBEDDING][shared] > level).sum())
    others = 4 * (len(target.words) - len(shared))
    expected = of_shared + round(Fraction(remaining, size or 1) * others)
    assert counts[EMBEDDING] == (expected, of_target[EMBEDDING][1])


@given(pairs(), st.integers(1, 3))
def test_the_same_words_and_classes_change_nothing(
    pair: tuple[Network, Network], level: int
) -> None:
    source = pair[0]
    target = network(source.words, len(source.weights["output_weight"]), 3)
    pruned_at, weights = carry(source, target, level)
    assert same(pruned_at, source.pruned_at)
    assert same(weights, source.weights)


def test_what_is_drawn_depends_on_the_generator() -> None:
    one, other = network(["<unk>", "<pad>", "a", "b"], 3, 1), network(["<unk>", "<pad>"], 4, 2)
    target = other._replace(words=["<unk>", "<pad>"])
    more = network(["<unk>", "<pad>", *(f"w{n}" for n in range(9))], 4, 2)
    first, again, second = (carry(one, more, 1, seed)[0] for seed in (0, 0, 1))
    assert same(first, again)
    for name in (EMBEDDING, "output_weight"):
        assert not torch.equal(first[name], second[name])
    assert carry(one, target, 1)[0][EMBEDDING].shape == (2, 4)
