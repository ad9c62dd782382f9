"""Many networks in one loop: each as it is trained alone, to rounding."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import (
    MODELS,
    BatchShape,
    MakeCell,
    Stopped,
    batch_shapes,
    draw_batch,
    refused,
    same,
    write_tokens,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from lottery import models
from lottery.experiment import replicate
from lottery.experiment.cell import Cell
from lottery.kernels.conv_maxpool import conv_maxpool
from lottery.models import EMBEDDING
from lottery.pruning import masks
from lottery.storage.token_arrays import PAD
from lottery.training import batches, loop, optimizers, rng
from lottery.training.batches import Documents
from lottery.training.checkpointing import Checkpointer
from lottery.training.lockstep import feed, networks
from lottery.training.lockstep import loop as lockstep
from lottery.training.lockstep.feed import Batch, Feed
from lottery.training.lockstep.loop import Callbacks, Network, Trained
from lottery.training.lockstep.members import Failed
from lottery.training.lockstep.networks import cnn

BOUND = 5e-5
"""How far a weight may be from that of the network alone after two epochs of a dozen steps. Adam
divides a gradient by its size, so where one is near zero its rounding shows."""


def half_pruned(cell: Cell, seed: int) -> dict[str, torch.Tensor]:
    """Masks that remove half of the weights, and the row of padding."""
    dense = masks.at_level(replicate.pruned_at_dense(cell.draw(seed, "init", 0)), 0)
    generator = torch.Generator().manual_seed(seed)
    return {
        name: mask & (torch.rand(mask.shape, generator=generator) < 0.5)
        for name, mask in dense.items()
    }


def network(cell: Cell, seed: int, level: int = 1, first: int = 0) -> Network:
    """A network of the cell, half pruned, that trains from the epoch ``first`` on."""
    plan = cell.plan(seed, level, first)
    splits = (cell.train_set, cell.validation_set)
    return Network(cell.draw(seed, "init", 0), half_pruned(cell, seed), plan, splits)


def alone(cell: Cell, one: Network) -> Trained:
    """What the network is after training by itself."""
    loop.load_weights(cell.model, one.weights)
    last: dict[str, torch.Tensor] = {}

    def after_epoch(metrics: loop.EpochMetrics) -> None:
        last.update(loop.copy_weights(cell.model))

    callbacks = loop.Callbacks(after_epoch)
    history = loop.train(cell.model, one.splits, one.masks, one.plan, callbacks)
    return Trained(loop.copy_weights(cell.model), last, history)


def assert_close(one: Trained | Failed, other: Trained, bound: float = BOUND) -> None:
    """The same weights and the same history, to ``bound``."""
    assert isinstance(one, Trained)
    for mine, theirs in ((one.weights, other.weights), (one.last, other.last)):
        assert mine.keys() == theirs.keys()
        for name in mine:
            torch.testing.assert_close(mine[name], theirs[name], atol=bound, rtol=bound)
    assert [row["epoch"] for row in one.history] == [row["epoch"] for row in other.history]
    for row, expected in zip(one.history, other.history, strict=True):
        for key in ("train_loss", "validation_loss"):
            assert math.isclose(row[key], expected[key], rel_tol=bound)


@pytest.fixture
def other_documents(tmp_path: Path) -> Callable[[Cell], Cell]:
    """A function that gives a cell other documents, of other lengths, as ``resplit`` does."""

    def change(cell: Cell) -> Cell:
        folder, rows = write_tokens(tmp_path / "other", seed=1), len(cell.model.embedding)
        train_set, validation_set = (
            batches.load(folder, split, rows, torch.device("cpu"), 0)
            for split in ("train", "validation")
        )
        return replace(cell, train_set=train_set, validation_set=validation_set)

    return change


@pytest.mark.parametrize("name", MODELS)
def test_networks_are_trained_as_alone(
    name: str, make_cell: MakeCell, other_documents: Callable[[Cell], Cell]
) -> None:
    """In a group of one and of three, of which one has other documents."""
    cell = make_cell(name)
    other = other_documents(cell)
    group = [network(cell, 0), network(other, 1), network(cell, 2, level=3)]
    expected = [alone(cell, one) for one in group]
    (by_itself,) = lockstep.train(cell.model, group[:1])
    assert_close(by_itself, expected[0])
    for result, reference in zip(lockstep.train(cell.model, group), expected, strict=True):
        assert_close(result, reference)


@pytest.mark.parametrize("name", MODELS)
def test_networks_are_trained_as_alone_on_a_gpu(
    name: str,
    make_cell: MakeCell,
    other_documents: Callable[[Cell], Cell],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As far as a CPU can tell: with what a GPU runs, whose dropout meets padding too."""
    monkeypatch.setattr(models.cnn, "conv_maxpool", models.cnn.plain_conv_maxpool)
    monkeypatch.setattr(models.lstm, "packed_last_states", models.lstm.padded_last_states)
    monkeypatch.setattr(optimizers, "LazyAdam", optimizers.FusedAdam)
    monkeypatch.setattr(feed, "is_packed", lambda device: False)
    cell = make_cell(name, epochs=1)
    group = [network(cell, 0), network(other_documents(cell), 1)]
    expected = [alone(cell, one) for one in group]
    for result, reference in zip(lockstep.train(cell.model, group), expected, strict=True):
        assert_close(result, reference)


@pytest.mark.parametrize("name", MODELS)
def test_pruned_weights_are_exactly_zero(name: str, make_cell: MakeCell) -> None:
    cell = make_cell(name, epochs=1)
    group = [network(cell, seed) for seed in (0, 1)]
    for result, one in zip(lockstep.train(cell.model, group), group, strict=True):
        assert isinstance(result, Trained)
        for key, mask in one.masks.items():
            assert not result.weights[key][~mask].any()
        moved = result.weights[EMBEDDING][one.masks[EMBEDDING]]
        assert moved.any(), "the others are not"


def test_bfloat16_differs_by_its_own_error(make_cell: MakeCell) -> None:
    cell = make_cell("lstm", epochs=1)
    cell.model.precision = torch.bfloat16
    one = network(cell, 0)
    (result,) = lockstep.train(cell.model, [one])
    assert_close(result, alone(cell, one), 0.05)


def test_a_rewound_network_joins_at_its_epoch(make_cell: MakeCell) -> None:
    cell = make_cell(epochs=4)
    group = [network(cell, 0, first=2), network(cell, 0), network(cell, 1, first=1)]
    trained: list[tuple[int, float]] = []
    callbacks = Callbacks(lambda number, row, weights: trained.append((number, row["epoch"])))
    for result, one in zip(lockstep.train(cell.model, group, callbacks), group, strict=True):
        assert_close(result, alone(cell, one))
    assert sorted(trained) == [
        (0, 3),
        (0, 4),
        *((1, n) for n in (1, 2, 3, 4)),
        (2, 2),
        (2, 3),
        (2, 4),
    ]


def test_a_network_that_stops_early_leaves(make_cell: MakeCell) -> None:
    cell = make_cell(epochs=6, patience=1, lr=0.2)
    group = [network(cell, seed) for seed in range(4)]
    expected = [alone(cell, one) for one in group]
    lengths = {len(one.history) for one in expected}
    assert len(lengths) > 1, "they stop after different epochs"
    counts: list[int] = []
    callbacks = Callbacks(after_batch=lambda numbers, *rest: counts.append(len(numbers)))
    results = lockstep.train(cell.model, group, callbacks)
    assert {min(counts), max(counts)} == {
        sum(len(one.history) == max(lengths) for one in expected),
        4,
    }
    for result, reference in zip(results, expected, strict=True):
        assert_close(result, reference, 1e-3)
        assert isinstance(result, Trained)
        assert not same(result.weights, result.last)


def test_one_that_diverges_leaves_and_is_named(make_cell: MakeCell) -> None:
    cell = make_cell()
    group = [network(cell, 0), network(cell, 1), network(cell, 2)]
    group[1].weights["output_bias"][:] = torch.nan
    group[1].masks["output_bias"][:] = True
    with pytest.raises(loop.Diverged) as error:
        alone(cell, group[1])
    results = lockstep.train(cell.model, group)
    assert isinstance(results[1], Failed)
    assert str(results[1].error(group[1].plan)) == str(error.value)
    assert "seed 1" in str(error.value)
    for number in (0, 2):
        assert_close(results[number], alone(cell, group[number]))


@pytest.mark.parametrize("name", MODELS)
def test_a_group_that_is_interrupted_ends_with_the_same_bytes(
    name: str, make_cell: MakeCell, tmp_path: Path
) -> None:
    """Stopped after each epoch; one network joins late, and with patience some leave early."""
    cell = make_cell(name, epochs=4, patience=1, lr=0.2)
    group = [network(cell, 0), network(cell, 1, first=2), network(cell, 2)]
    whole = lockstep.train(cell.model, group)
    checkpointer = Checkpointer(tmp_path / "group", seconds=0)
    for _ in range(10):
        batches_left = 7  # more than an epoch, less than two

        def stop(*arguments: object) -> None:
            nonlocal batches_left
            batches_left -= 1
            if batches_left < 0:
                raise Stopped

        try:
            callbacks = Callbacks(after_batch=stop)
            results = lockstep.train(cell.model, group, callbacks, checkpointer.epochs(0))
            break
        except Stopped:
            continue
    for one, other in zip(results, whole, strict=True):
        assert isinstance(one, Trained)
        assert isinstance(other, Trained)
        assert same(one.weights, other.weights)
        assert same(one.last, other.last)
        assert one.history == other.history


def test_what_cannot_train_together_is_refused(make_cell: MakeCell) -> None:
    cell = make_cell()
    one = network(cell, 0)
    other = replace(one, plan=replace(one.plan, lr=0.5))
    refused(lambda: lockstep.train(cell.model, [one, other]), "plans", "seed, level")
    fewer = replace(cell.train_set, lengths=cell.train_set.lengths[:-1])
    other = replace(one, splits=(fewer, cell.validation_set))
    refused(lambda: lockstep.train(cell.model, [one, other]), "documents", "lockstep")


def test_a_model_without_a_stacked_form_is_refused() -> None:
    class Other(torch.nn.Module):
        pass

    Other.__module__ = "lottery.models.transformer"
    assert not networks.supports(Other())
    refused(lambda: networks.forward_of(Other()), "transformer", "lockstep")


def split(lengths: list[int], seed: int) -> Documents:
    """Documents of random words."""
    random = np.random.default_rng(seed)
    sizes = np.array(lengths)
    ids = torch.from_numpy(random.integers(2, 9, sizes.sum()).astype(np.int32))
    starts = torch.from_numpy(sizes.cumsum() - sizes)
    labels = torch.from_numpy(random.integers(0, 3, len(sizes)))
    return Documents(ids, starts, torch.from_numpy(sizes), labels, sizes)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 99), st.data())
def test_a_batch_has_each_networks_documents(
    lengths: list[int], seed: int, data: st.DataObject
) -> None:
    splits = [split(lengths, seed), split(lengths[::-1], seed + 1)]
    splits.append(splits[0])
    orders = st.permutations(range(len(lengths)))
    index = [np.array(data.draw(orders)) for _ in range(2)]
    index.append(index[0])
    batch = Feed(splits, torch.device("cpu")).batch(index)
    longest = max(lengths)
    for number, (documents, chosen) in enumerate(zip(splits, index, strict=True)):
        tokens, sizes = documents.batch(torch.from_numpy(chosen), longest)
        assert torch.equal(batch.tokens[number], tokens)
        assert torch.equal(batch.lengths[number], sizes)
        assert torch.equal(batch.labels[number], documents.labels[torch.from_numpy(chosen)])
        assert torch.equal(batch.words[number][batch.indices[number]], tokens)
        rows, counts = batch.rows
        inside = batch.inside[number].T
        used = rows[number][inside].sort().values
        assert torch.equal(used, torch.arange(sum(lengths))), "packed rows, each once"
        assert counts[number] >= sum(lengths)


@settings(max_examples=50)
@given(batch_shapes(), st.sampled_from([torch.float64, torch.float32]))
def test_the_winning_windows_are_those_of_the_kernel(shape: BatchShape, dtype: torch.dtype) -> None:
    """Values and gradients of two networks at once, of documents shorter than a filter too."""
    pairs = [draw_batch(shape._replace(seed=shape.seed + n), dtype, (3, 2), 4) for n in (0, 1)]
    rows = shape.distinct + 2
    leaves = [
        torch.stack(values).requires_grad_()
        for values in zip(*(leaf for leaf, _ in pairs), strict=True)
    ]
    indices = torch.stack([index for _, index in pairs])
    inside = torch.arange(shape.longest) < shape.lengths[:, None]
    embedding = torch.nn.functional.pad(leaves[0], (0, 0, 2, 0))  # the rows of <unk> and <pad>
    tokens = (indices + 2).where(inside, PAD)
    lengths = shape.lengths.expand(2, -1)
    words = torch.arange(rows).expand(2, -1)
    batch = Batch(tokens, lengths, lengths, lengths.numpy(), words, tokens)
    mine = cnn.conv_maxpool(embedding, batch, leaves[1:], dtype)
    theirs = torch.stack(
        [
            conv_maxpool(leaves[0][n], indices[n], shape.lengths, [leaf[n] for leaf in leaves[1:]])
            for n in (0, 1)
        ]
    )
    bound = 1e-5 if dtype == torch.float32 else 1e-10
    torch.testing.assert_close(mine, theirs, atol=bound, rtol=bound)
    slopes = torch.randn(mine.shape, generator=rng.torch_generator(0, "slopes"), dtype=dtype)
    for one, other in zip(
        torch.autograd.grad(mine, leaves, slopes),
        torch.autograd.grad(theirs, leaves, slopes),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=bound, rtol=bound)


def test_the_gradient_of_an_embedding_reaches_every_network(make_cell: MakeCell) -> None:
    cell = make_cell("lstm")
    group = [network(cell, seed) for seed in (0, 1)]
    for result, one in zip(lockstep.train(cell.model, group), group, strict=True):
        assert isinstance(result, Trained)
        assert (result.weights[EMBEDDING] != one.weights[EMBEDDING] * one.masks[EMBEDDING]).any()
