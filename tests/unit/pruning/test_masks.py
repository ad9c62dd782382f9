"""Invariants of pruning: counts are exact, masks are nested, ties go by index, nothing is lost."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lottery.pruning import masks
from lottery.pruning.rates import to_prune

RATES = st.integers(1, 99).map(lambda percent: percent / 100)
# Few distinct magnitudes, both signs and zero: ties everywhere.
TENSORS = st.dictionaries(
    st.sampled_from(["embedding", "weight", "bias", "deep"]),
    st.lists(st.sampled_from([0.0, 0.5, -0.5, 1.0, -1.0, 2.0]), min_size=1, max_size=40),
    min_size=1,
).map(lambda lists: {name: torch.tensor(values) for name, values in lists.items()})


def dense(weights: dict[str, torch.Tensor]) -> masks.PrunedAt:
    """``pruned_at`` of tensors from which nothing is pruned, without a padding row."""
    return {
        name: torch.full(w.shape, masks.NEVER, dtype=torch.uint8) for name, w in weights.items()
    }


@given(weights=TENSORS, rate=RATES, scope=st.sampled_from(["local", "global"]), data=st.data())
def test_pruning_run_of_levels(weights, rate, scope, data):  # type: ignore[no-untyped-def]
    names = data.draw(st.sets(st.sampled_from(sorted(weights)), min_size=1))
    pruned_at = dense(weights)
    for level in range(1, 6):
        before = masks.at_level(pruned_at, level - 1)
        pruned_at = masks.prune(weights, pruned_at, level, dict.fromkeys(names, rate), scope)
        after = masks.at_level(pruned_at, level)
        groups = [[name] for name in names] if scope == "local" else [sorted(names)]
        for group in groups:
            size = sum(int(before[name].sum()) for name in group)
            smaller = sum(int(after[name].sum()) for name in group)
            assert size - smaller == Fraction(str(rate)) * size // 1
            remaining = torch.cat([weights[name][after[name]].abs() for name in group])
            pruned = torch.cat([weights[name][before[name] & ~after[name]].abs() for name in group])
            if len(remaining) and len(pruned):
                assert pruned.max() <= remaining.min()
        for name, mask in after.items():
            assert not (mask & ~before[name]).any(), "a mask must lie inside the one before"
            if name not in names:
                assert mask.all()
            # The mask of the level before can still be read.
            assert torch.equal(masks.at_level(pruned_at, level - 1)[name], before[name])
    restored = masks.restore(masks.survivors(weights, pruned_at, 3), pruned_at, 3)
    for name, mask in masks.at_level(pruned_at, 3).items():
        assert torch.equal(restored[name], weights[name] * mask)


@given(weights=TENSORS, rate=RATES, scope=st.sampled_from(["local", "global"]))
def test_the_order_of_the_tensors_does_not_matter(weights, rate, scope):  # type: ignore[no-untyped-def]
    """A file gives them by name, a network as it defines them: ties must go alike."""
    turned = {name: weights[name] for name in reversed(weights)}
    one, other = dense(weights), dense(turned)
    for level in (1, 2):
        one = masks.prune(weights, one, level, dict.fromkeys(weights, rate), scope)
        other = masks.prune(turned, other, level, dict.fromkeys(turned, rate), scope)
    assert all(torch.equal(one[name], other[name]) for name in weights)


def test_global_ties_go_by_the_tensors_names() -> None:
    weights = {"b": torch.ones(4), "c": torch.ones(2), "a": torch.ones(4)}
    pruned_at = masks.prune(
        weights, dense(weights), 1, dict.fromkeys(["c", "b", "a"], 0.5), "global"
    )
    remaining = {name: mask.tolist() for name, mask in masks.at_level(pruned_at, 1).items()}
    assert remaining == {"a": [False] * 4, "b": [False, True, True, True], "c": [True, True]}
    assert list(pruned_at) == ["b", "c", "a"], "the tensors come in the order of before"


@given(values=st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=1, max_size=30), data=st.data())
def test_smallest_is_a_stable_sort(values: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(values)))
    expected = sorted(sorted(range(len(values)), key=lambda index: values[index])[:count])
    assert masks.smallest(torch.tensor(values), count).tolist() == expected


def test_twenty_levels_follow_the_recurrence() -> None:
    weights = {
        "a": torch.randn(997, generator=torch.Generator().manual_seed(0)),
        "b": torch.ones(3),
    }
    pruned_at, expected = dense(weights), {"a": 997, "b": 3}
    for level in range(1, 21):
        pruned_at = masks.prune(weights, pruned_at, level, dict.fromkeys(weights, 0.2), "local")
        expected = {name: count - to_prune(0.2, count) for name, count in expected.items()}
        counts = masks.counts(pruned_at, level)
        assert {name: remaining for name, (remaining, _) in counts.items()} == expected


def test_the_last_level_that_fits_into_a_byte() -> None:
    """Of 600 weights 2 are pruned per level down to 500, then 1."""
    weights = {"a": torch.arange(600.0)}
    pruned_at = dense(weights)
    for level in range(1, 255):
        pruned_at = masks.prune(weights, pruned_at, level, {"a": 0.004}, "local")
    assert masks.counts(pruned_at, 254)["a"] == (600 - 2 * 51 - 203, 600)
    assert masks.last_level(pruned_at) == 254
    with pytest.raises(ValueError, match="level 0"):
        masks.prune(weights, pruned_at, 0, {"a": 0.2}, "local")


def test_padding_is_no_parameter() -> None:
    weights = {"embedding": torch.ones(4, 2), "bias": torch.ones(2)}
    pruned_at = masks.dense(weights, "embedding", padding_row=1)
    assert masks.counts(pruned_at, 0) == {"embedding": (6, 6), "bias": (2, 2)}
    assert not masks.at_level(pruned_at, 0)["embedding"][1].any()
    assert masks.sparsity(pruned_at, 0) == 0
    for level in range(1, 30):
        pruned_at = masks.prune(weights, pruned_at, level, dict.fromkeys(weights, 0.5), "local")
    assert (pruned_at["embedding"][1] == 0).all()


def test_what_cannot_be_pruned_is_refused() -> None:
    weights = {"a": torch.tensor([1.0, float("nan")])}
    with pytest.raises(ValueError, match="a are not finite at level 0"):
        masks.prune(weights, dense(weights), 1, {"a": 0.2}, "local")
    with pytest.raises(ValueError, match="level 255"):
        masks.prune(weights, dense(weights), 255, {"a": 0.2}, "local")
    with pytest.raises(ValueError, match="a do not fit"):
        masks.restore({"a": torch.ones(1)}, dense(weights), 0)
