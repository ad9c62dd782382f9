"""Dense runs: what they rewind to, where they stop, that they learn and give the same bytes."""

from pathlib import Path

import pytest
import torch
from helpers import MODELS, MakeCell, pruning_run, record_training, same

from lottery.errors import LotteryError
from lottery.experiment import replicate
from lottery.experiment.replicate import Replicate
from lottery.experiment.run_files import RunFiles
from lottery.models import Weights
from lottery.pruning import masks
from lottery.training import evaluation, loop
from lottery.training.checkpointing import Checkpointer


def test_rewinding_and_training_on_is_the_dense_run(make_cell: MakeCell) -> None:
    """Epochs k to T-1 in their order, from the weights to rewind to with nothing pruned: the data
    are the same, so only Adam's fresh moments and dropout tell it from the dense run."""
    cell = make_cell(epochs=2, epoch=1)
    dense = Replicate(cell, 0).dense_run()
    loop.load_weights(cell.model, dense.rewind)
    splits = cell.train_set, cell.validation_set
    dense_masks = masks.at_level(replicate.pruned_at_dense(dense.init), 0)
    history = loop.train(cell.model, splits, dense_masks, cell.plan(0, 0, 1))
    assert history[0]["epoch"] == 2
    assert history[0]["train_loss"] == pytest.approx(dense.history[1]["train_loss"], rel=0.2)


def test_the_weights_to_rewind_to_are_of_their_epoch(make_cell: MakeCell) -> None:
    cell = make_cell(epochs=4, epoch=2)
    by_epoch: dict[float, Weights] = {}

    def on_epoch(metrics: loop.EpochMetrics) -> None:
        by_epoch[metrics["epoch"]] = loop.copy_weights(cell.model)

    dense = Replicate(cell, 0, on_epoch=on_epoch).dense_run()
    assert list(by_epoch) == [1, 2, 3, 4]
    for epoch, weights in by_epoch.items():
        assert same(weights, dense.rewind) == (epoch == 2)
    assert same(by_epoch[4], dense.final)


def test_rewind_epoch_zero_is_the_init(make_cell: MakeCell) -> None:
    dense = Replicate(make_cell(epoch=0), 0).dense_run()
    assert same(dense.init, dense.rewind)


def test_dropout_is_applied_in_training_only(make_cell: MakeCell) -> None:
    for model in MODELS:
        with_dropout = Replicate(make_cell(model, dropout=0.5), 0).dense_run()
        without = Replicate(make_cell(model, dropout=0.0), 0).dense_run()
        assert torch.equal(with_dropout.init["embedding"], without.init["embedding"])
        assert with_dropout.history[0]["train_loss"] != without.history[0]["train_loss"]
        cell = make_cell(model, dropout=0.5)
        loop.load_weights(cell.model, without.final)
        one, other = (evaluation.logits(cell.model, cell.validation_set) for _ in range(2))
        assert (one == other).all()


def test_the_training_loss_is_a_mean_over_documents(make_cell: MakeCell) -> None:
    cell = make_cell("lstm", classes=4, epochs=2, dropout=0.0, lr=1e-30)
    history = Replicate(cell, 0).dense_run().history
    loop.load_weights(cell.model, cell.draw(0, "init", 0))
    expected = evaluation.evaluate(cell.model, cell.train_set)["validation_loss"]
    assert len(cell.train_set) % 16, "the last batch is smaller, and counts for less"
    assert history[0]["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_seeds_share_nothing_random(make_cell: MakeCell) -> None:
    cell = make_cell()
    first, second = Replicate(cell, 0).dense_run(), Replicate(cell, 1).dense_run()
    assert not torch.equal(first.init["embedding"], second.init["embedding"])
    torch.manual_seed(123)  # the process's global generator plays no part
    assert same(Replicate(cell, 0).dense_run().final, first.final)


def test_early_stopping_restores_the_best_weights(make_cell: MakeCell) -> None:
    cell = make_cell(epochs=30, lr=0.3, schedule="constant", patience=2)
    dense = Replicate(cell, 0).dense_run()
    losses = [metrics["validation_loss"] for metrics in dense.history]
    best = losses.index(min(losses))
    assert len(losses) == best + 3 < 30
    loop.load_weights(cell.model, dense.final)
    assert evaluation.evaluate(cell.model, cell.validation_set)["validation_loss"] == losses[best]


def test_the_best_weights_are_restored_if_all_epochs_are_trained_too(make_cell: MakeCell) -> None:
    cell = make_cell(epochs=12, lr=0.3, schedule="constant", patience=50)
    dense = Replicate(cell, 0).dense_run()
    losses = [metrics["validation_loss"] for metrics in dense.history]
    assert len(losses) == 12 > losses.index(min(losses)) + 1
    loop.load_weights(cell.model, dense.final)
    assert evaluation.evaluate(cell.model, cell.validation_set)["validation_loss"] == min(losses)


@pytest.mark.parametrize("patience", [None, 2])
def test_the_last_weights_are_of_the_last_epoch(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, patience: int | None
) -> None:
    """And they are what last_epoch_rewinding starts from, in memory and from files."""
    cell = make_cell(epochs=6, lr=0.3, schedule="constant", patience=patience)
    by_epoch: list[Weights] = []
    replicate = Replicate(
        cell, 0, on_epoch=lambda metrics: by_epoch.append(loop.copy_weights(cell.model))
    )
    dense = replicate.dense_run()
    assert len(by_epoch) == len(dense.history)
    assert same(dense.last, by_epoch[-1])
    assert same(dense.last, dense.final) == (patience is None), "the best epoch is the last"
    files = RunFiles(tmp_path, {name: value.shape for name, value in dense.init.items()})
    files.write_dense(dense)
    names = {"init", "rewind", "final"} | ({"last"} if patience else set())
    assert {path.stem for path in tmp_path.glob("*.safetensors")} == names
    for run in (dense, files.read_dense()):
        calls = record_training(monkeypatch)
        pruning_run(cell, "last_epoch_rewinding", run, levels=1)
        assert same(calls[0].weights, by_epoch[-1])


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_an_equal_loss_is_not_a_lower_one(make_cell: MakeCell, patience: int) -> None:
    cell = make_cell(epochs=9, lr=1e-30, patience=patience)
    history = Replicate(cell, 0).dense_run().history
    assert len({metrics["validation_loss"] for metrics in history}) == 1
    assert len(history) == 1 + patience


def test_stopping_right_at_the_rewind_epoch_is_allowed(make_cell: MakeCell) -> None:
    changes = {"epochs": 30, "lr": 0.3, "schedule": "constant", "patience": 2}
    stopped = len(Replicate(make_cell(**changes), 0).dense_run().history)
    dense = Replicate(make_cell(**changes, epoch=stopped), 0).dense_run()
    assert len(dense.history) == stopped < 30
    assert not same(dense.rewind, dense.final)
    with pytest.raises(LotteryError, match=rf"rewind\.epoch: {stopped + 1}, but"):
        Replicate(make_cell(**changes, epoch=stopped + 1), 0).dense_run()


def test_stopping_before_the_rewind_epoch_is_refused(make_cell: MakeCell) -> None:
    cell = make_cell(epochs=30, lr=0.3, schedule="constant", patience=1, epoch=29)
    with pytest.raises(LotteryError, match=r"rewind\.epoch: 29, but the dense run of seed 0"):
        Replicate(cell, 0).dense_run()


def test_a_loss_that_is_not_finite_stops_the_level(make_cell: MakeCell) -> None:
    cell = make_cell(lr=1e38, schedule="constant")
    with pytest.raises(
        LotteryError, match="level 0, epoch 1: the loss of batch 2 of 6 is not finite"
    ):
        Replicate(cell, 0).dense_run()


def test_training_learns(make_cell: MakeCell) -> None:
    for model in MODELS:
        cell = make_cell(model, classes=4, epochs=12, dropout=0.0, lr=0.05)
        history = Replicate(cell, 0).dense_run().history
        assert history[-1]["validation_accuracy"] > 60  # chance is 25


def test_vectors_of_another_width_are_refused(make_cell: MakeCell) -> None:
    with pytest.raises(
        LotteryError, match=r"vectors of shape \(\d+, 6\), but the model's dim is 7"
    ):
        make_cell(embedding="vectors", dim=7)


def test_a_run_that_stopped_before_the_rewind_epoch_is_not_trained_again(
    make_cell: MakeCell, tmp_path: Path
) -> None:
    cell = make_cell(epochs=30, epoch=29, patience=1, lr=0.5)
    trained: list[float] = []
    for _ in range(2):
        checkpointer = Checkpointer(tmp_path / "checkpoints", seconds=0)
        run = Replicate(cell, 0, checkpointer, lambda metrics: trained.append(metrics["epoch"]))
        with pytest.raises(LotteryError, match=r"rewind\.epoch: 29, but"):
            run.dense_run()
    assert len(trained) == len(set(trained)) > 1
