"""Dense runs and chains: masks hold at every step, strategies start where they say, same bytes."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from conftest import MODELS
from torch import nn

from lottery import batches, registry, runs, seeds
from lottery.cells import Cell
from lottery.errors import LotteryError
from lottery.pruning import masks
from lottery.pruning.criteria.magnitude import CRITERION as MAGNITUDE
from lottery.pruning.strategy import Strategy
from lottery.runs import DenseRun, Level
from lottery.training import device, loop, optimisers
from lottery.training.optimisers import Optimiser

MakeCell = Callable[..., Cell]
PRUNE = SimpleNamespace(
    rate=0.4, levels=3, until=None, scope="local", parameters=("embedding", "weights", "biases")
)


def quiet(epoch: int, row: loop.Row) -> None:
    pass


def strategy(name: str) -> Strategy:
    return registry.load("lottery.pruning.strategies", name, "strategy").STRATEGY


def chain(cell: Cell, name: str, dense: DenseRun, **changes: object) -> list[Level]:
    prune = SimpleNamespace(**{**vars(PRUNE), **changes})
    return list(runs.chain(cell, strategy(name), MAGNITUDE, dense, 0, prune, quiet))


STRATEGIES = registry.names("lottery.pruning.strategies")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_chain_keeps_its_promises(make_cell: MakeCell, model: str, name: str) -> None:
    cell = make_cell(model, classes=4)
    dense = runs.dense(cell, 0, quiet)
    levels = chain(cell, name, dense)
    assert [level.number for level in levels] == [1, 2, 3]
    trained, record = dense.final, runs.record_of(dense.final)
    for level in levels:
        # Pruned by the trained weights of the level before, with the record nested.
        expected = masks.prune(trained, record, level.number, 0.4, "local", list(dense.init))
        for key, mask in masks.at_level(level.removed_at, level.number).items():
            assert torch.equal(level.removed_at[key], expected[key])
            assert not level.weights[key][~mask].any(), "a pruned weight is not zero"
        trained, record = level.weights, level.removed_at
    again = chain(cell, name, runs.dense(cell, 0, quiet))
    for one, other in zip(levels, again, strict=True):
        assert one.history == other.history
        assert all(torch.equal(one.weights[key], other.weights[key]) for key in one.weights)


@pytest.mark.parametrize("model", MODELS)
def test_pruned_weights_are_zero_after_every_step(
    make_cell: MakeCell, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell(model)
    dense = runs.dense(cell, 0, quiet)
    steps = 0
    build = optimisers.build

    def built(model: nn.Module, alive: dict[str, torch.Tensor]) -> Optimiser:
        def check() -> None:
            nonlocal steps
            for name, parameter in model.named_parameters():
                assert not parameter.detach()[~alive[name]].any()
            steps += 1

        def checked(lr: float) -> None:
            step(lr)
            check()

        optimiser = build(model, alive)
        step = optimiser.step
        check()
        monkeypatch.setattr(optimiser, "step", checked)
        return optimiser

    monkeypatch.setattr(optimisers, "build", built)
    levels = chain(cell, "winning_ticket", dense)
    assert steps == 3 * (2 * 6 + 1)  # levels x (epochs x batches, and the start)
    assert masks.sparsity(levels[-1].removed_at, 3) > 0.7


def test_strategies_start_where_they_say(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = make_cell(epochs=3, embedding="vectors", embedding_std=0.5)
    dense = runs.dense(cell, 0, quiet)
    starts: list[tuple[dict[str, torch.Tensor], loop.Plan]] = []
    train = loop.train

    def noted(model, *arguments):  # type: ignore[no-untyped-def]
        starts.append((loop.copy_weights(model), arguments[3]))
        return train(model, *arguments)

    monkeypatch.setattr(loop, "train", noted)
    for name in STRATEGIES:
        chain(cell, name, dense)
    by_name = {name: starts[3 * place : 3 * place + 3] for place, name in enumerate(STRATEGIES)}
    for weights, plan in by_name["winning_ticket"]:
        assert all(torch.equal(weights[key], dense.init[key]) for key in weights)
        assert plan.epochs == range(0, 3)
    for weights, plan in by_name["late_rewinding"]:
        assert all(torch.equal(weights[key], dense.rewind[key]) for key in weights)
        assert plan.epochs == range(1, 3)
    drawn = [weights["embedding"] for weights, _ in by_name["random_reinit"]]
    assert cell.covered is not None
    assert cell.vectors is not None
    for one, other in zip(drawn, [dense.init["embedding"], *drawn], strict=False):
        assert not torch.equal(one, other)
        assert torch.equal(one[cell.covered], cell.vectors[cell.covered])


def test_full_budget_trains_all_epochs_again(make_cell: MakeCell) -> None:
    cell = make_cell(epochs=3, budget="full")
    levels = chain(cell, "late_rewinding", runs.dense(cell, 0, quiet), levels=1)
    assert [row["epoch"] for row in levels[0].history] == [1, 2, 3]


def test_rewinding_and_training_on_is_the_dense_run(make_cell: MakeCell) -> None:
    """Epochs k to T-1 in their order, from the rewind checkpoint with nothing pruned: the data
    are the same, so only Adam's fresh moments and dropout tell it from the dense run."""
    cell = make_cell(epochs=2, epoch=1)
    dense = runs.dense(cell, 0, quiet)
    plan = cell.plan(0, 0, 1)
    loop.load_weights(cell.model, dense.rewind)
    alive = masks.at_level(runs.record_of(dense.init), 0)
    rows = loop.train(cell.model, cell.train_part, cell.validation_part, alive, plan)
    assert rows[0]["epoch"] == 2
    assert rows[0]["train_loss"] == pytest.approx(dense.history[1]["train_loss"], rel=0.2)


def test_the_rewind_checkpoint_is_of_its_epoch(make_cell: MakeCell) -> None:
    cell = make_cell(epochs=4, epoch=2)
    seen: dict[int, dict[str, torch.Tensor]] = {}
    dense = runs.dense(
        cell, 0, lambda epoch, row: seen.update({epoch: loop.copy_weights(cell.model)})
    )
    assert list(seen) == [1, 2, 3, 4]
    for epoch, weights in seen.items():
        same = all(torch.equal(weights[key], dense.rewind[key]) for key in weights)
        assert same == (epoch == 2)
    assert all(torch.equal(seen[4][key], dense.final[key]) for key in dense.final)


def test_randomness_is_of_what_the_design_says(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data order of (seed, epoch), the same for every strategy and level; dropout of (seed,
    level, epoch), the same for every strategy."""
    cell = make_cell(epochs=3)
    dense = runs.dense(cell, 7, quiet)
    orders: list[tuple[int, int]] = []
    streams: list[tuple[object, ...]] = []
    order, generator = batches.order, seeds.torch_generator
    monkeypatch.setattr(
        batches, "order", lambda lengths, *key: orders.append(key[1:]) or order(lengths, *key)
    )
    monkeypatch.setattr(
        seeds,
        "torch_generator",
        lambda *key, **where: streams.append(key) or generator(*key, **where),
    )
    found = {}
    for name in ("winning_ticket", "random_reinit", "late_rewinding"):
        orders.clear()
        streams.clear()
        list(
            runs.chain(
                cell, strategy(name), MAGNITUDE, dense, 7, SimpleNamespace(**vars(PRUNE)), quiet
            )
        )
        found[name] = (list(orders), [key for key in streams if key[1] == "dropout"])
    epochs = [0, 1, 2] * 3
    assert found["winning_ticket"][0] == [(7, epoch) for epoch in epochs]
    levels = [level for level in (1, 2, 3) for _ in range(3)]
    expected = [(7, "dropout", level, epoch) for level, epoch in zip(levels, epochs, strict=True)]
    assert found["winning_ticket"][1] == expected
    assert found["random_reinit"] == found["winning_ticket"]
    assert found["late_rewinding"][0] == [(7, 1), (7, 2)] * 3


def test_dropout_is_applied_in_training_only(make_cell: MakeCell) -> None:
    for model in MODELS:
        with_dropout = runs.dense(make_cell(model, dropout=0.5), 0, quiet)
        without = runs.dense(make_cell(model, dropout=0.0), 0, quiet)
        assert torch.equal(with_dropout.init["embedding"], without.init["embedding"])
        assert with_dropout.history[0]["train_loss"] != without.history[0]["train_loss"]
        cell = make_cell(model, dropout=0.5)
        loop.load_weights(cell.model, without.final)
        one, other = (loop.logits(cell.model, cell.validation_part) for _ in range(2))
        assert (one == other).all()


@pytest.mark.parametrize("schedule", loop.SCHEDULES)
def test_the_optimiser_is_a_fresh_adam_on_its_schedule(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    cell = make_cell(epochs=3, schedule=schedule, lr=0.01)
    rates: list[float] = []
    build = optimisers.build
    built = 0

    def noted(*arguments):  # type: ignore[no-untyped-def]
        nonlocal built
        built += 1
        optimiser = build(*arguments)
        step = optimiser.step
        monkeypatch.setattr(optimiser, "step", lambda lr: (rates.append(lr), step(lr)))
        return optimiser

    monkeypatch.setattr(optimisers, "build", noted)
    dense = runs.dense(cell, 0, quiet)
    chain(cell, "late_rewinding", dense, levels=1)
    assert built == 2, "a level starts with fresh moments"
    steps = 3 * 6
    shares = [0.0 if schedule == "constant" else done / steps for done in range(steps)]
    expected = [0.01 * (1 - share) for share in shares]
    assert rates == pytest.approx(expected + expected[6:])  # the rewound level goes on at epoch 1


def test_the_training_loss_is_a_mean_over_documents(make_cell: MakeCell) -> None:
    cell = make_cell("lstm", classes=4, epochs=2, dropout=0.0, lr=1e-30)
    history = runs.dense(cell, 0, quiet).history
    loop.load_weights(cell.model, cell.draw(0, "init", 0))
    expected = loop.evaluate(cell.model, cell.train_part)["validation_loss"]
    assert len(cell.train_part) % 16, "the last batch is smaller, and counts for less"
    assert history[0]["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_weights_that_cannot_be_pruned_are_refused(make_cell: MakeCell) -> None:
    cell = make_cell()
    dense = runs.dense(cell, 3, quiet)
    dense.final["output_bias"][0] = float("nan")
    with pytest.raises(LotteryError, match="seed 0: the trained weights of output_bias are not"):
        chain(cell, "winning_ticket", dense)
    with pytest.raises(LotteryError, match="no 'embedding' among the weights"):
        runs.record_of({"output_bias": torch.ones(1)})


def test_rewind_epoch_zero_is_the_init(make_cell: MakeCell) -> None:
    dense = runs.dense(make_cell(epoch=0), 0, quiet)
    assert all(torch.equal(dense.init[key], dense.rewind[key]) for key in dense.init)


def test_seeds_and_strategies_share_nothing_random(make_cell: MakeCell) -> None:
    cell = make_cell()
    first, second = runs.dense(cell, 0, quiet), runs.dense(cell, 1, quiet)
    assert not torch.equal(first.init["embedding"], second.init["embedding"])
    torch.manual_seed(123)  # the process's own state plays no part
    again = runs.dense(cell, 0, quiet)
    assert all(torch.equal(first.final[key], again.final[key]) for key in first.final)


def test_global_scope_and_chosen_parameters(make_cell: MakeCell) -> None:
    cell = make_cell()
    dense = runs.dense(cell, 0, quiet)
    level = chain(cell, "winning_ticket", dense, scope="global", parameters=("weights",))[-1]
    counts = masks.counts(level.removed_at, 3)
    assert counts["embedding"][0] == counts["embedding"][1]
    assert counts["output_bias"][0] == counts["output_bias"][1]
    alive = total = sum(size for name, (_, size) in counts.items() if "weight" in name)
    for _ in range(3):
        alive -= masks.to_remove(0.4, alive)
    assert sum(left for name, (left, _) in counts.items() if "weight" in name) == alive < total


def test_until_gives_the_levels(make_cell: MakeCell) -> None:
    record = runs.record_of(runs.dense(make_cell(), 0, quiet).init)
    for rate in (0.2, 0.5):
        prune = SimpleNamespace(**{**vars(PRUNE), "rate": rate, "levels": None, "until": 0.8})
        assert 0.8 <= 1 - (1 - rate) ** runs.levels(record, prune) < 0.92
    prune.parameters = ("biases",)
    with pytest.raises(LotteryError, match=r"prune\.until: pruning 0\.5"):
        runs.levels(record, prune)


def test_early_stopping_restores_the_best_state(make_cell: MakeCell) -> None:
    cell = make_cell(epochs=30, lr=0.3, schedule="constant", patience=2)
    dense = runs.dense(cell, 0, quiet)
    losses = [row["validation_loss"] for row in dense.history]
    best = losses.index(min(losses))
    assert len(losses) == best + 3 < 30
    loop.load_weights(cell.model, dense.final)
    assert loop.evaluate(cell.model, cell.validation_part)["validation_loss"] == losses[best]


def test_the_best_state_is_restored_if_all_epochs_are_trained_too(make_cell: MakeCell) -> None:
    cell = make_cell(epochs=12, lr=0.3, schedule="constant", patience=50)
    dense = runs.dense(cell, 0, quiet)
    losses = [row["validation_loss"] for row in dense.history]
    assert len(losses) == 12 > losses.index(min(losses)) + 1
    loop.load_weights(cell.model, dense.final)
    assert loop.evaluate(cell.model, cell.validation_part)["validation_loss"] == min(losses)


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_a_loss_that_stays_is_not_a_lower_one(make_cell: MakeCell, patience: int) -> None:
    cell = make_cell(epochs=9, lr=1e-30, patience=patience)
    history = runs.dense(cell, 0, quiet).history
    assert len({row["validation_loss"] for row in history}) == 1
    assert len(history) == 1 + patience


def test_stopping_right_at_the_rewind_epoch_is_allowed(make_cell: MakeCell) -> None:
    changes = {"epochs": 30, "lr": 0.3, "schedule": "constant", "patience": 2}
    stopped = len(runs.dense(make_cell(**changes), 0, quiet).history)
    dense = runs.dense(make_cell(**changes, epoch=stopped), 0, quiet)
    assert len(dense.history) == stopped < 30
    assert not all(torch.equal(dense.rewind[key], dense.final[key]) for key in dense.final)
    with pytest.raises(LotteryError, match=rf"rewind\.epoch: {stopped + 1}, but"):
        runs.dense(make_cell(**changes, epoch=stopped + 1), 0, quiet)


def test_stopping_before_the_rewind_epoch_is_refused(make_cell: MakeCell) -> None:
    cell = make_cell(epochs=30, lr=0.3, schedule="constant", patience=1, epoch=29)
    with pytest.raises(LotteryError, match=r"rewind\.epoch: 29, but the dense run of seed 0"):
        runs.dense(cell, 0, quiet)


def test_a_loss_that_is_not_finite_stops_the_level(make_cell: MakeCell) -> None:
    cell = make_cell(lr=1e38, schedule="constant")
    with pytest.raises(
        LotteryError, match="level 0, epoch 1: the loss of batch 2 of 6 is not finite"
    ):
        runs.dense(cell, 0, quiet)


def test_training_learns(make_cell: MakeCell) -> None:
    for model in MODELS:
        cell = make_cell(model, classes=4, epochs=12, dropout=0.0, lr=0.05)
        history = runs.dense(cell, 0, quiet).history
        assert history[-1]["validation_accuracy"] > 60  # chance is 25


def test_a_gpu_that_is_not_there() -> None:
    if torch.cuda.is_available():
        assert device.prepare("cuda", 1).type == "cuda"
    else:
        with pytest.raises(LotteryError, match="device: cuda, but torch finds no GPU"):
            device.prepare("cuda", 1)


def test_vectors_of_another_width_are_refused(make_cell: MakeCell) -> None:
    with pytest.raises(
        LotteryError, match=r"vectors of shape \(\d+, 6\), but the model's dim is 7"
    ):
        make_cell(embedding="vectors", dim=7)


@pytest.mark.parametrize("place", ["cpu", "cuda"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_dropout_scales_values_and_gradients_alike(place: str, dtype: torch.dtype) -> None:
    """More values than a thread takes at once, and not a multiple of the four a draw decides."""
    if place == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    for share in (0.2, 0.5, 0.9):
        generator = torch.Generator(place).manual_seed(3)
        values = torch.full((4099, 3), 2.0, dtype=dtype, device=place, requires_grad=True)
        dropped = loop.dropout_from(generator, share)(values)
        assert (dropped == 0).double().mean().item() == pytest.approx(share, abs=0.03)
        slopes = torch.full_like(values, 3.0)
        (gradient,) = torch.autograd.grad(dropped, values, slopes)
        scale = torch.where(dropped == 0, 0.0, 1 / (1 - share))
        bound = 0.02 if dtype == torch.bfloat16 else 1e-6
        for one, factor in ((dropped.detach(), 2), (gradient, 3)):
            torch.testing.assert_close(one.double(), factor * scale.double(), rtol=bound, atol=0)


def test_dropout_is_a_function_of_its_generator() -> None:
    values = torch.ones(1001, 7)
    for share in (0.2, 0.5):
        one, other = (
            loop.dropout_from(torch.Generator().manual_seed(3), share)(values) for _ in range(2)
        )
        assert torch.equal(one, other)
        assert (one == 0).float().mean().item() == pytest.approx(share, abs=0.02)
        assert one.unique().tolist() == [0.0, pytest.approx(1 / (1 - share))]
    assert loop.dropout_from(torch.Generator(), 0.0)(values) is values
