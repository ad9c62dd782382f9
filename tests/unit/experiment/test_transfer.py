"""Transferred arms: what each starts from, and that a copy of a corpus gives the ticket itself."""

from pathlib import Path
from typing import NoReturn

import pytest
import torch
from helpers import (
    MODELS,
    MakeCell,
    interrupted,
    new_cell,
    record_training,
    same,
    winning_ticket,
)

from lottery.config import plugins
from lottery.experiment import transfer
from lottery.experiment.cell import Cell
from lottery.experiment.replicate import Level, OnEpoch, Replicate
from lottery.experiment.transfer import TicketRun
from lottery.models import EMBEDDING
from lottery.pruning import masks
from lottery.pruning.transfer import TransferredArm
from lottery.training.checkpointing import Checkpointer

ARMS = plugins.names("lottery.pruning.transfers")


def load_arm(name: str) -> TransferredArm:
    arm: TransferredArm = plugins.load("lottery.pruning.transfers", name, "arm").make
    return arm


def ticket_run(cell: Cell) -> TicketRun:
    dense, levels = winning_ticket(cell)
    return TicketRun(dense, levels[-1].pruned_at)


def words(cell: Cell, first: int = 0) -> list[str]:
    """As many as the cell's embedding has rows, with numbers from ``first`` on."""
    rows = len(cell.model.get_parameter(EMBEDDING))
    return ["<unk>", "<pad>", *(f"word{first + number}" for number in range(2, rows))]


def test_the_arms_that_are_there() -> None:
    assert ARMS == ["transferred", "transferred_late", "transferred_mask"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("level", [1, 3])
def test_a_copy_gives_the_winning_ticket(make_cell: MakeCell, model: str, level: int) -> None:
    """The same documents, words and seed: the weights of the ticket's own level, byte for byte."""
    cell = make_cell(model, classes=4)
    run = ticket_run(cell)
    rows = transfer.rows_of(words(cell), words(cell))
    trained = transfer.train(Replicate(cell, 0), load_arm("transferred"), run, run, rows, level)
    expected = winning_ticket(cell)[1][level - 1]
    assert same(trained.weights, expected.weights)
    assert trained.history == expected.history
    assert same(masks.at_level(trained.pruned_at, level), masks.at_level(run.pruned_at, level))


@pytest.mark.parametrize("name", ARMS)
@pytest.mark.parametrize("model", MODELS)
def test_what_each_arm_starts_from(
    make_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, name: str
) -> None:
    """A source of two classes, a target of four, and half of the words in common."""
    source_cell, cell = new_cell(tmp_path / "source", model, 2), make_cell(model, classes=4)
    source, target = ticket_run(source_cell), ticket_run(cell)
    rows = transfer.rows_of(words(source_cell), words(cell, 25))
    shared = rows != -1
    assert 0 < int(shared.sum()) < len(rows)
    calls = record_training(monkeypatch)
    trained = transfer.train(Replicate(cell, 0), load_arm(name), source, target, rows, 2)
    ((weights, trained_masks, plan),) = calls
    first = 1 if name == "transferred_late" else 0
    assert (trained.number, plan.seed, plan.level, plan.epochs) == (2, 0, 2, range(first, 2))
    if name == "transferred_mask":
        assert same(weights, cell.draw(0, "reinit", 2))
        assert not same(weights, target.dense.init)
    else:
        states = {"transferred": source.dense.init, "transferred_late": source.dense.rewind}
        of_source, of_target = states[name], target.dense.init
        assert torch.equal(weights[EMBEDDING][shared], of_source[EMBEDDING][rows[shared]])
        assert torch.equal(weights[EMBEDDING][~shared], of_target[EMBEDDING][~shared])
        for key in of_target.keys() - {EMBEDDING}:
            fits = of_source[key].shape == of_target[key].shape
            assert torch.equal(weights[key], of_source[key] if fits else of_target[key])
            assert fits == (key not in ("output_weight", "output_bias"))
    counts, own_counts = (
        masks.counts(pruned_at, 2) for pruned_at in (trained.pruned_at, target.pruned_at)
    )
    for key, mask in trained_masks.items():
        assert not trained.weights[key][~mask].any(), "what is pruned stays zero"
        assert key == EMBEDDING or counts[key] == own_counts[key]


@pytest.mark.parametrize("name", ARMS)
def test_arms_are_reproducible_and_resume(make_cell: MakeCell, tmp_path: Path, name: str) -> None:
    cell = make_cell(classes=4)
    source, target = ticket_run(new_cell(tmp_path / "source", "cnn", 2)), ticket_run(cell)
    rows = transfer.rows_of(words(cell), words(cell, 25))
    expected = transfer.train(Replicate(cell, 0), load_arm(name), source, target, rows, 2)

    def run(on_epoch: OnEpoch) -> Level:
        replicate = Replicate(cell, 0, Checkpointer(tmp_path / "checkpoints", 0), on_epoch)
        return transfer.train(replicate, load_arm(name), source, target, rows, 2)

    def nothing_trains(metrics: object) -> NoReturn:
        raise AssertionError("an epoch is trained again")

    for other in (interrupted(run, 1), run(nothing_trains)):
        assert other.history == expected.history
        assert same(other.weights, expected.weights)
        assert same(other.pruned_at, expected.pruned_at)
