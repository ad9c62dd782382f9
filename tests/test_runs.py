"""Dense runs and chains: masks hold at every step, strategies start where they say, same bytes."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from conftest import MODELS

from lottery import registry, runs
from lottery.errors import LotteryError
from lottery.pruning import masks
from lottery.pruning.strategy import Strategy
from lottery.runs import Cell, DenseRun, Level
from lottery.training import device, loop

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
    return list(runs.chain(cell, strategy(name), dense, 0, prune, quiet))


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
    apply = loop._apply

    def checked(parameters: list[torch.Tensor], factors: list[torch.Tensor]) -> None:
        nonlocal steps
        apply(parameters, factors)
        for parameter, factor in zip(parameters, factors, strict=True):
            assert not parameter.detach()[factor == 0].any()
        steps += 1

    monkeypatch.setattr(loop, "_apply", checked)
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


def test_stopping_before_the_rewind_epoch_is_refused(make_cell: MakeCell) -> None:
    cell = make_cell(epochs=30, lr=0.3, schedule="constant", patience=1, epoch=29)
    with pytest.raises(LotteryError, match=r"rewind\.epoch: 29, but the dense run of seed 0"):
        runs.dense(cell, 0, quiet)


def test_a_loss_that_is_not_finite_stops_the_level(make_cell: MakeCell) -> None:
    cell = make_cell(lr=1e38, schedule="constant")
    with pytest.raises(LotteryError, match="level 0: the loss is not finite after epoch 1"):
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
    with pytest.raises(LotteryError, match="vectors of 6 numbers, but the model's dim is 7"):
        make_cell(embedding="vectors", dim=7)


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
