"""Pruning runs: masks hold at every step, strategies start where they say, same bytes again."""

import itertools
from collections.abc import Callable

import pytest
import torch
from helpers import (
    MODELS,
    MakeCell,
    pruning_run,
    record_training,
    same,
    winning_ticket,
    with_prune,
)
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lottery import models
from lottery.config import plugins
from lottery.errors import LotteryError
from lottery.experiment import pruning, replicate
from lottery.experiment.cell import Cell
from lottery.experiment.replicate import DenseRun, Replicate
from lottery.models import Weights
from lottery.pruning import masks
from lottery.pruning.criteria import random
from lottery.pruning.rates import OUTPUT, to_prune
from lottery.storage.token_arrays import PAD
from lottery.training import batches, loop, optimizers, rng
from lottery.training.optimizers import Optimizer

STRATEGIES = plugins.names("lottery.pruning.strategies")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", STRATEGIES)
def test_masks_nest_and_levels_are_reproducible(make_cell: MakeCell, model: str, name: str) -> None:
    cell = make_cell(model, classes=4)
    dense = Replicate(cell, 0).dense_run()
    levels = pruning_run(cell, name, dense)
    assert [level.number for level in levels] == [1, 2, 3]
    trained, pruned_at = dense.final, replicate.pruned_at_dense(dense.final)
    for level in levels:
        # Pruned by the trained weights of the level before, inside its masks.
        expected = masks.prune(
            trained, pruned_at, level.number, dict.fromkeys(dense.init, 0.4), "local"
        )
        for key, mask in masks.at_level(level.pruned_at, level.number).items():
            assert torch.equal(level.pruned_at[key], expected[key])
            assert not level.weights[key][~mask].any(), "a pruned weight is not zero"
        trained, pruned_at = level.weights, level.pruned_at
    again = pruning_run(cell, name, Replicate(cell, 0).dense_run())
    for one, other in zip(levels, again, strict=True):
        assert one.history == other.history
        assert same(one.weights, other.weights)


@pytest.mark.parametrize("model", MODELS)
def test_pruned_weights_are_zero_after_every_step(
    make_cell: MakeCell, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell(model)
    dense = Replicate(cell, 0).dense_run()
    steps = 0
    build = optimizers.build

    def built(model: nn.Module, level_masks: dict[str, torch.Tensor]) -> Optimizer:
        def check() -> None:
            nonlocal steps
            for name, parameter in model.named_parameters():
                assert not parameter.detach()[~level_masks[name]].any()
            steps += 1

        def checked(lr: float) -> None:
            step(lr)
            check()

        optimizer = build(model, level_masks)
        step = optimizer.step
        check()
        monkeypatch.setattr(optimizer, "step", checked)
        return optimizer

    monkeypatch.setattr(optimizers, "build", built)
    levels = pruning_run(cell, "winning_ticket", dense)
    assert steps == 3 * (2 * 6 + 1)  # levels x (epochs x batches, and the start)
    assert masks.sparsity(levels[-1].pruned_at, 3) > 0.7


def test_strategies_start_where_they_say(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell(epochs=3, embedding="vectors", embedding_std=0.5)
    dense = Replicate(cell, 0).dense_run()
    calls = {}
    for name in ("winning_ticket", "late_rewinding", "random_reinit"):
        with monkeypatch.context() as patch:
            calls[name] = record_training(patch)
            pruning_run(cell, name, dense)
        assert len(calls[name]) == 3
    for weights, _, plan in calls["winning_ticket"]:
        assert same(weights, dense.init)
        assert plan.epochs == range(0, 3)
    for weights, _, plan in calls["late_rewinding"]:
        assert same(weights, dense.rewind)
        assert plan.epochs == range(1, 3)
    drawn = [call.weights["embedding"] for call in calls["random_reinit"]]
    assert cell.covered is not None
    assert cell.vectors is not None
    for one, other in zip(drawn, [dense.init["embedding"], *drawn], strict=False):
        assert not torch.equal(one, other)
        assert torch.equal(one[cell.covered], cell.vectors[cell.covered])


@pytest.mark.parametrize("model", MODELS)
def test_new_strategies_start_where_they_say(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    cell = make_cell(model, epochs=3)
    dense = Replicate(cell, 0).dense_run()
    calls = record_training(monkeypatch)
    for name in ("last_epoch_rewinding", "continued_training", "study_random"):
        calls.clear()
        levels = pruning_run(cell, name, dense)
        assert len(calls) == 3
        trained = [dense.final, *(level.weights for level in levels)]
        for call, before, level in zip(calls, trained, levels, strict=False):
            assert call.plan.epochs == range(0, 3), "the budget is not the full one"
            assert call.plan.level == level.number
            assert same(call.masks, masks.at_level(level.pruned_at, level.number))
            expected = {
                "last_epoch_rewinding": dense.last,
                "continued_training": before,
                "study_random": {
                    **cell.draw(0, "reinit", level.number),
                    "embedding": before["embedding"],
                },
            }[name]
            assert same(call.weights, expected)


def test_full_budget_trains_all_epochs_again(make_cell: MakeCell) -> None:
    cell = make_cell(epochs=3, budget="full")
    levels = pruning_run(cell, "late_rewinding", Replicate(cell, 0).dense_run(), levels=1)
    assert [metrics["epoch"] for metrics in levels[0].history] == [1, 2, 3]


def test_randomness_is_of_what_the_design_says(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data order of (seed, epoch), the same for every strategy and level; dropout of (seed,
    level, epoch), the same for every strategy."""
    cell = make_cell(epochs=3)
    dense = Replicate(cell, 7).dense_run()
    orders: list[tuple[int, int]] = []
    streams: list[tuple[object, ...]] = []
    order, generator = batches.order, rng.torch_generator
    monkeypatch.setattr(
        batches, "order", lambda lengths, *key: orders.append(key[1:3]) or order(lengths, *key)
    )
    monkeypatch.setattr(
        rng,
        "torch_generator",
        lambda *key, **device: streams.append(key) or generator(*key, **device),
    )
    used = {}
    for name in ("winning_ticket", "random_reinit", "late_rewinding"):
        orders.clear()
        streams.clear()
        pruning_run(cell, name, dense, 7)
        used[name] = (list(orders), [key for key in streams if key[1] == "dropout"])
    epochs = [0, 1, 2] * 3
    assert used["winning_ticket"][0] == [(7, epoch) for epoch in epochs]
    levels = [level for level in (1, 2, 3) for _ in range(3)]
    expected = [(7, "dropout", level, epoch) for level, epoch in zip(levels, epochs, strict=True)]
    assert used["winning_ticket"][1] == expected
    assert used["random_reinit"] == used["winning_ticket"]
    assert used["late_rewinding"][0] == [(7, 1), (7, 2)] * 3


@pytest.mark.parametrize("schedule", loop.SCHEDULES)
def test_the_optimizer_is_a_fresh_adam_on_its_schedule(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    cell = make_cell(epochs=3, schedule=schedule, lr=0.01)
    rates: list[float] = []
    build = optimizers.build
    built = 0

    def recorded(*arguments):  # type: ignore[no-untyped-def]
        nonlocal built
        built += 1
        optimizer = build(*arguments)
        step = optimizer.step
        monkeypatch.setattr(optimizer, "step", lambda lr: (rates.append(lr), step(lr)))
        return optimizer

    monkeypatch.setattr(optimizers, "build", recorded)
    pruning_run(cell, "late_rewinding", Replicate(cell, 0).dense_run(), levels=1)
    assert built == 2, "a level starts with fresh moments"
    steps = 3 * 6
    shares = [0.0 if schedule == "constant" else done / steps for done in range(steps)]
    expected = [0.01 * (1 - share) for share in shares]
    assert rates == pytest.approx(expected + expected[6:])  # the rewound level starts at epoch 1


def test_weights_that_cannot_be_pruned_are_refused(make_cell: MakeCell) -> None:
    cell = make_cell()
    dense = Replicate(cell, 3).dense_run()
    dense.final["output_bias"][0] = float("nan")
    with pytest.raises(LotteryError, match="seed 0: the trained weights of output_bias are not"):
        pruning_run(cell, "winning_ticket", dense)
    with pytest.raises(LotteryError, match="no 'embedding' among the weights"):
        replicate.pruned_at_dense({"output_bias": torch.ones(1)})


def test_global_scope_and_chosen_parameters(make_cell: MakeCell) -> None:
    cell = make_cell()
    dense = Replicate(cell, 0).dense_run()
    changes = {"scope": "global", "parameters": ("weights",)}
    counts = masks.counts(pruning_run(cell, "winning_ticket", dense, **changes)[-1].pruned_at, 3)
    assert counts["embedding"][0] == counts["embedding"][1]
    assert counts["output_bias"][0] == counts["output_bias"][1]
    weights = [pair for name, pair in counts.items() if "weight" in name]
    expected = total = sum(size for _, size in weights)
    for _ in range(3):
        expected -= to_prune(0.4, expected)
    assert sum(remaining for remaining, _ in weights) == expected < total


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("output", OUTPUT)
@pytest.mark.parametrize("scope", ["local", "global"])
def test_the_output_layer_is_pruned_by_its_rate(
    make_cell: MakeCell, model: str, output: str, scope: str
) -> None:
    """At ``until``, with random pruning: neither the criterion nor the scope changes its counts."""
    cell = make_cell(model, classes=4, epochs=1, epoch=0)
    dense = Replicate(cell, 0).dense_run()
    changes = {"output": output, "scope": scope, "rate": 0.5, "levels": None, "until": 0.75}
    levels = pruning_run(cell, "winning_ticket", dense, criterion=random.score, **changes)
    assert masks.sparsity(levels[-2].pruned_at, len(levels) - 1) < 0.75
    assert masks.sparsity(levels[-1].pruned_at, len(levels)) >= 0.75
    layer = models.output_layer(cell.model)
    assert [len(dense.init[name]) for name in layer] == [4, 4]
    groups = [[name] for name in layer] if scope == "local" else [list(layer)]
    expected = [sum(dense.init[name].numel() for name in group) for group in groups]
    share = {"rate": 0.5, "half": 0.25, "whole": 0.0}[output]
    for level in levels:
        counts = masks.counts(level.pruned_at, level.number)
        expected = [count - to_prune(share, count) for count in expected]
        if (output, scope) != ("rate", "global"):  # there the layer is in one ranking with all
            assert [sum(counts[name][0] for name in group) for group in groups] == expected
        others = [pair for name, pair in counts.items() if name not in layer]
        remaining, size = (sum(column) for column in zip(*others, strict=True))
        assert remaining == pytest.approx(size * 0.5**level.number, rel=0.1)


def test_until_gives_the_levels(make_cell: MakeCell) -> None:
    cell = make_cell()
    pruned_at = replicate.pruned_at_dense(Replicate(cell, 0).dense_run().init)
    for rate in (0.2, 0.5):
        prune = with_prune(cell, rate=rate, levels=None, until=0.8).settings.prune
        assert 0.8 <= 1 - (1 - rate) ** pruning.levels(pruned_at, prune, ()) < 0.92
    changes = {"rate": 0.5, "levels": None, "until": 0.8, "parameters": ("biases",)}
    with pytest.raises(LotteryError, match=r"prune\.until: pruning 0\.5"):
        pruning.levels(pruned_at, with_prune(cell, **changes).settings.prune, ())


def test_random_pruning_is_of_seed_and_level_alone(make_cell: MakeCell) -> None:
    cell = make_cell("lstm", epochs=1)
    dense, by_magnitude = winning_ticket(cell)
    one = pruning_run(cell, "winning_ticket", dense, criterion=random.score)
    sizes = masks.counts(replicate.pruned_at_dense(dense.init), 0)
    expected = {name: size for name, (_, size) in sizes.items()}
    for level in one:
        expected = {name: count - to_prune(0.4, count) for name, count in expected.items()}
        counts = masks.counts(level.pruned_at, level.number)
        assert {name: remaining for name, (remaining, _) in counts.items()} == expected
        assert not level.pruned_at["embedding"][PAD].any()
        for name, mask in masks.at_level(level.pruned_at, level.number).items():
            assert not level.weights[name][~mask].any()
    # Other weights, the same masks: of another start at each level, and of another dense run.
    other_dense = Replicate(cell, 1).dense_run()
    other = pruning_run(cell, "random_reinit", other_dense, criterion=random.score)
    for first, second in zip(one, other, strict=True):
        assert same(first.pruned_at, second.pruned_at)
        assert not same(first.weights, second.weights)
    of_seed_1 = pruning_run(cell, "winning_ticket", dense, 1, random.score, levels=1)
    assert not same(one[0].pruned_at, of_seed_1[0].pruned_at)
    assert not same(one[0].pruned_at, by_magnitude[0].pruned_at)


def random_scores(cell: Cell, dense: DenseRun, seed: int) -> list[Weights]:
    """What the random criterion draws for each level of a pruning run."""
    drawn: list[Weights] = []

    def recorded(weights: Weights, generator: Callable[[], torch.Generator]) -> Weights:
        drawn.append(random.score(weights, generator))
        return drawn[-1]

    pruning_run(cell, "winning_ticket", dense, seed, recorded)
    return drawn


def test_each_level_draws_other_random_scores(make_cell: MakeCell) -> None:
    """With one draw for all levels, later ones would prune by a ranking that has been used."""
    cell = make_cell(epochs=1, epoch=0)
    dense = Replicate(cell, 0).dense_run()
    one, again, other = (random_scores(cell, dense, seed) for seed in (0, 0, 1))
    assert len(one) == 3
    for scores in (*itertools.combinations(one, 2), *itertools.product(one, other)):
        for name in dense.init:
            assert not torch.equal(scores[0][name], scores[1][name])
    assert all(same(first, second) for first, second in zip(one, again, strict=True))


@given(seed=st.integers(0, 1000), level=st.integers(1, 20))
def test_random_scores_are_a_function_of_seed_and_level(seed: int, level: int) -> None:
    weights = {"b": torch.zeros(7, 3), "a": torch.zeros(40)}

    def scores(level: int, weights: Weights) -> Weights:
        return random.score(weights, lambda: rng.torch_generator(seed, "prune", level))

    one = scores(level, weights)
    assert same(one, scores(level, {"a": torch.ones(40), "b": torch.ones(7, 3)}))
    assert not same(one, scores(level + 1, weights))
    assert {name: value.shape for name, value in one.items()} == {
        name: value.shape for name, value in weights.items()
    }
    assert len(one["a"].unique()) > 30, "ties would go by index"
