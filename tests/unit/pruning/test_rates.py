"""How much a level prunes: exact in decimals, the output layer apart, down to a sparsity."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lottery.pruning import masks, rates

RATES = st.integers(1, 99).map(lambda percent: percent / 100)


@pytest.mark.parametrize(
    ("rate", "remaining", "pruned"),
    [(0.2, 5, 1), (0.29, 100, 29), (0.2, 4, 0), (0.7, 10, 7), (1e-5, 10**5, 1)],
)
def test_counts_are_exact_in_decimals(rate: float, remaining: int, pruned: int) -> None:
    assert rates.to_prune(rate, remaining) == pruned


def test_small_tensors_of_the_study() -> None:
    """A bias of 100 has 4 left at level 20 of 20 %; tensors of 1 to 4 never shrink."""
    remaining = {size: size for size in (1, 4, 100)}
    for _ in range(20):
        remaining = {size: count - rates.to_prune(0.2, count) for size, count in remaining.items()}
    assert remaining == {1: 1, 4: 4, 100: 4}


@given(
    rate=RATES,
    sizes=st.lists(st.integers(1, 400), min_size=2, max_size=4),
    scope=st.sampled_from(["local", "global"]),
    output=st.sampled_from(list(rates.OUTPUT)),
)
def test_the_output_layer_follows_its_own_recurrence(
    rate: float, sizes: list[int], scope: str, output: str
) -> None:
    """``floor(rate / 2 * remaining)`` each level for half, nothing for whole; ties everywhere."""
    names = ["output", *(f"layer {number}" for number in range(1, len(sizes)))]
    weights = {name: torch.ones(size) for name, size in zip(names, sizes, strict=True)}
    shares = rates.of_parameters(names, rate, {"output"}, output)
    pruned_at = {name: torch.full(w.shape, masks.NEVER).byte() for name, w in weights.items()}
    exact, remaining = Fraction(str(rate)), sizes[0]
    others = sizes[1:] if scope == "local" else [sum(sizes[1:])]
    together = scope == "global" and output == "rate"
    if together:
        remaining, others = sum(sizes), []
    for level in range(1, 7):
        pruned_at = masks.prune(weights, pruned_at, level, shares, scope)
        share = {"rate": exact, "half": exact / 2, "whole": Fraction(0)}[output]
        remaining -= int(share * remaining)
        others = [count - int(exact * count) for count in others]
        counts = {name: pair[0] for name, pair in masks.counts(pruned_at, level).items()}
        if not together:
            assert counts["output"] == remaining
        assert sum(counts.values()) == remaining + sum(others)
        if scope == "local":
            assert [counts[name] for name in names[1:]] == others


def test_half_is_exact_in_decimals() -> None:
    """A float of half of 0.7 times 20 is just below 7."""
    shares = rates.of_parameters(["a", "b"], 0.7, ["b"], "half")
    assert shares == {"a": Fraction(7, 10), "b": Fraction(7, 20)}
    assert rates.to_prune(shares["b"], 20) == 7


def test_what_half_saves_of_a_small_layer() -> None:
    """64 features read by one output, after six levels of 40 %: 95.3 % sparse elsewhere."""
    remaining = {"rate": 64, "half": 64, "whole": 64}
    for _ in range(6):
        for output, count in remaining.items():
            share = rates.of_parameters(["o"], 0.4, ["o"], output)["o"]
            remaining[output] = count - rates.to_prune(share, count)
    assert remaining == {"rate": 4, "half": 19, "whole": 64}


def pruned_in_all(pruned_at: masks.PrunedAt, level: int) -> int:
    return sum(size - remaining for remaining, size in masks.counts(pruned_at, level).values())


@given(
    rate=RATES,
    until=RATES,
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=4),
    scope=st.sampled_from(["local", "global"]),
    output=st.sampled_from(list(rates.OUTPUT)),
)
def test_levels_until_is_the_first_that_reaches_it(
    rate: float, until: float, sizes: list[int], scope: str, output: str
) -> None:
    named = {str(number): size for number, size in enumerate(sizes)}
    shares = rates.of_parameters(named, rate, {"1"}, output)
    try:
        levels = rates.levels_until(named, 0, shares, until, scope)
    except ValueError:
        return
    weights = {name: torch.arange(float(size)) for name, size in named.items()}
    pruned_at = {name: torch.full(w.shape, masks.NEVER).byte() for name, w in weights.items()}
    for level in range(1, levels + 1):
        assert pruned_in_all(pruned_at, level - 1) < Fraction(str(until)) * sum(sizes)
        pruned_at = masks.prune(weights, pruned_at, level, shares, scope)
    assert pruned_in_all(pruned_at, levels) >= Fraction(str(until)) * sum(sizes)


def test_until_is_compared_exactly() -> None:
    assert rates.levels_until({"a": 100}, 0, {"a": 0.1}, 0.1, "local") == 1


@pytest.mark.parametrize(
    ("sizes", "fixed", "scope", "levels"),
    [
        # 100, 50, 25, 13 remain: of 200 in all 50, 75, 87 are pruned.
        ({"a": 100}, 100, "local", 3),
        ({"a": 100}, 0, "local", 1),
        # Twenty tensors of one weight can be pruned together, never each by itself.
        ({str(number): 1 for number in range(20)}, 0, "global", 1),
    ],
)
def test_until_counts_what_is_never_pruned_and_follows_the_scope(
    sizes: dict[str, int], fixed: int, scope: str, levels: int
) -> None:
    assert rates.levels_until(sizes, fixed, dict.fromkeys(sizes, 0.5), 0.4, scope) == levels


def test_until_that_no_level_reaches_is_refused() -> None:
    with pytest.raises(ValueError, match=r"pruning 0\.2 per level never reaches"):
        rates.levels_until({"a": 4}, 0, {"a": 0.2}, 0.5, "local")
    shares = rates.of_parameters(["a", "b"], 0.5, ["b"], "whole")
    assert rates.levels_until({"a": 100, "b": 100}, 0, shares, 0.4, "local") == 3
    with pytest.raises(ValueError, match=r"pruning 0\.5 per level never reaches"):
        rates.levels_until({"a": 100, "b": 100}, 0, shares, 0.6, "local")
